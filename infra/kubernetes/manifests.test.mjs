import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { Obstacle } from '../tensorflow/obstacle.mjs';
import { kubernetesTools } from './tools.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const CHART = here('../helm/convoy');

/** Everything that is rendered, and how. */
const RENDERINGS = [
  ['kustomize', 'deployment'],
  ['kustomize', 'indexed-job'],
  ['kustomize', 'job'],
  ['helm', 'as it is', []],
  ['helm', 'with an autoscaler', ['--set', 'workers.autoscaling.enabled=true']],
  ['helm', 'as Jobs', ['--set', 'coordinator.kind=Job', '--set', 'workers.kind=Job']],
  ['helm', 'with a storage class', ['--set', 'coordinator.storageClassName=fast', '--set', 'workers.nodeSelector.a=b']],
];

let tools;
let obstacle = null;
let parse;
/** Of every rendering, its objects. */
const rendered = new Map();

beforeAll(async () => {
  try {
    tools = await kubernetesTools();
  } catch (error) {
    if (!(error instanceof Obstacle)) throw error;
    obstacle = error.message;
    return;
  }
  ({ parseAllDocuments: parse } = createRequire(join(tools.libraries, 'x.cjs'))('yaml'));
  for (const [how, name, options] of RENDERINGS) {
    const [program, ...args] =
      how === 'helm'
        ? [tools.helm, 'template', 'convoy', CHART, ...options]
        : [tools.kubectl, 'kustomize', here(`overlays/${name}`)];
    rendered.set(`${how} ${name}`, objectsIn(must(program, args)));
  }
});

/** A test that needs the programs of Kubernetes; where they can't be had, it says so. */
function itRendered(title, test) {
  it(title, async () => {
    if (obstacle === null) await test();
    else console.info(`NOT CHECKED: infra/kubernetes and infra/helm: ${title}: ${obstacle}`);
  });
}

describe('the manifests of kustomize and of the chart', () => {
  itRendered('render, and helm finds no fault in the chart', () => {
    expect([...rendered.values()].every((objects) => objects.length >= 6)).toBe(true);
    must(tools.helm, ['lint', '--strict', CHART]);
  });

  itRendered("have values that the validators of Kubernetes's own schemas accept", async () => {
    for (const [name, objects] of rendered) {
      for (const object of objects) {
        const { [object.kind]: Model } = await import(
          pathToFileURL(join(tools.libraries, 'kubernetes-models', object.apiVersion, `${object.kind}.js`)).href
        );
        expect(() => new Model(object).validate(), `${name}: ${object.kind} ${object.metadata.name}`).not.toThrow();
      }
    }
  });

  itRendered("have no field that Kubernetes's types don't know", () => {
    const folder = mkdtempSync(join(tmpdir(), 'convoy-test-'));
    try {
      symlinkSync(tools.libraries, join(folder, 'node_modules'));
      const objects = [...rendered.values()].flat();
      expect(typeErrors(folder, objects)).toBe('');
      // It would find one.
      const [{ spec, ...first }] = objects.filter(({ kind }) => kind === 'StatefulSet');
      expect(typeErrors(folder, [{ ...first, spec: { ...spec, replica: 1 } }])).toMatch(/replica\W+ does not exist/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  itRendered('describe the same pods both ways', () => {
    for (const [kustomized, charted] of [
      ['kustomize deployment', 'helm with an autoscaler'],
      ['kustomize job', 'helm as Jobs'],
    ]) {
      const [there, here] = [kustomized, charted].map((name) =>
        Object.fromEntries(rendered.get(name).map((object) => [`${object.kind} ${object.metadata.name}`, object])),
      );
      expect(Object.keys(here).sort()).toEqual(Object.keys(there).sort());
      for (const [name, object] of Object.entries(there)) {
        expect(here[name].spec.template?.spec, name).toEqual(object.spec.template?.spec);
      }
    }
  });

  itRendered('run without root, with a root file system that is read only, and tokens from a secret', () => {
    const pods = [...rendered.values()].flat().flatMap(({ spec }) => spec?.template?.spec ?? []);
    expect(pods).toHaveLength(2 * RENDERINGS.length);
    for (const { containers, securityContext, automountServiceAccountToken } of pods) {
      expect(automountServiceAccountToken).toBe(false);
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const { securityContext: own, env, resources } of containers) {
        expect(own).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(resources.requests.memory && resources.limits.memory).toBeTruthy();
        for (const { valueFrom } of env) expect(valueFrom.secretKeyRef.name).toBe('convoy-tokens');
      }
    }
  });
});

function objectsIn(text) {
  return parse(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });
}

function must(program, args) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stderr}${stdout}`);
  return stdout;
}

/** What the compiler says of the objects as literals of their types: there an unknown field is an error. */
function typeErrors(folder, objects) {
  const lines = objects.map((object, n) => {
    const type = `I${object.kind}`;
    const from = `kubernetes-models/${object.apiVersion}/${object.kind}`;
    return `import type { ${type} as T${n} } from '${from}';\nexport const o${n}: T${n} = ${JSON.stringify(object)};\n`;
  });
  writeFileSync(join(folder, 'objects.ts'), lines.join(''));
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022'];
  const { stdout } = spawnSync(process.execPath, [compiler, ...options, 'objects.ts'], {
    cwd: folder,
    encoding: 'utf8',
  });
  return stdout;
}
