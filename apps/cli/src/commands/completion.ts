import { Argument, type Command } from 'commander';
import { bashCompletion } from '../completion/bash.ts';
import { completableCommands } from '../completion/completable.ts';
import { fishCompletion } from '../completion/fish.ts';
import { zshCompletion } from '../completion/zsh.ts';
import { newCommand } from '../flags/help.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const SCRIPTS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `completion`: what has a shell complete this program's command lines. @param loadCommands of the program, this one among them. */
export function completionCommand(loadCommands: () => Promise<readonly Command[]>): Command {
  return newCommand('completion')
    .description('print a script that completes commands, options, their values and runs in a shell')
    .addArgument(new Argument('<shell>', 'the shell').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  $ convoy completion bash > ~/.local/share/bash-completion/completions/convoy
  $ convoy completion zsh > ~/.zfunc/_convoy     a folder that fpath names before compinit
  $ convoy completion fish > ~/.config/fish/completions/convoy.fish`,
    )
    .action(async (shell: (typeof SHELLS)[number]) => {
      process.stdout.write(SCRIPTS[shell](completableCommands(await loadCommands())));
    });
}
