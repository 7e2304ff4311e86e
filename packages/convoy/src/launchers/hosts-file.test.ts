import { describe, expect, it } from 'vitest';
import { parseHosts, readHostsFile } from './hosts-file.ts';

const parse = (text: string) => parseHosts(text, 'hosts.txt');

describe('a hosts file', () => {
  it('has a host per line, with what else is to be known, and comments', () => {
    expect(
      parse(
        '# two machines\n\nalpha\r\n  ada@beta  workers=2 port=2222 dir=~/train # the big one\nfd00::7 dir=/srv/x\n',
      ),
    ).toEqual([
      { destination: 'alpha', label: 'alpha', workers: 1, port: null, dir: null },
      { destination: 'ada@beta', label: 'beta-2222', workers: 2, port: 2222, dir: 'train' },
      { destination: 'fd00::7', label: 'fd00::7', workers: 1, port: null, dir: '/srv/x' },
    ]);
  });

  it('may name a host twice by different ports, and not by one', () => {
    expect(parse('a port=1\na port=2').map(({ label }) => label)).toEqual(['a-1', 'a-2']);
    expect(() => parse('a\nbob@a')).toThrow(
      'hosts.txt, line 2: a is there already: for more workers on a host write workers=2',
    );
  });

  it.each([
    ['-oProxyCommand=x', '"-oProxyCommand=x" is no host'],
    ['ada@-x', '"ada@-x" is no host'],
    ['-l@x', '"-l@x" is no host'],
    ['a;b', '"a;b" is no host'],
    ['a b', '"b" means nothing here: write [user@]host [workers=2] [port=22] [dir=folder]'],
    ['a workers=0', 'workers must be a number from 1 to 1024, not "0"'],
    ['a port=70000', 'port must be a number from 1 to 65535, not "70000"'],
    ['a port=22 port=23', 'port is there twice'],
    ['', 'hosts.txt names no host: write one per line'],
  ])('is refused in words where it says "%s"', (line, words) => {
    expect(() => parse(line)).toThrow(words);
  });

  it('that is not there is told in one line', () => {
    expect(() => readHostsFile('/nowhere/hosts.txt')).toThrow(
      "can't read the hosts of /nowhere/hosts.txt: there is no such file",
    );
  });
});
