import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

const PACKAGES = [
  'protocol',
  'numerics',
  'transport',
  'pictures',
  'training',
  'model',
  'run-store',
  'engine',
  'cifar10',
  'export',
  'workload',
  'server',
  'worker',
  'dashboard',
  'convoy',
  'tfjs-convoy',
];

/** Who may import whom, as CONTRIBUTING.md draws it: from what knows nobody to what is started. */
const boundaries = {
  protocol: [],
  numerics: ['protocol'],
  transport: ['protocol'],
  pictures: ['protocol'],
  training: ['protocol', 'numerics'],
  model: ['protocol', 'numerics', 'training'],
  'run-store': ['protocol', 'training'],
  engine: ['protocol', 'numerics', 'model'],
  cifar10: ['protocol', 'numerics', 'training', 'model', 'transport'],
  export: ['protocol', 'model'],
  workload: ['protocol', 'training', 'model', 'cifar10', 'transport'],
  server: ['protocol', 'numerics', 'pictures', 'training', 'model', 'workload', 'transport', 'run-store'],
  worker: ['protocol', 'numerics', 'training', 'model', 'engine', 'workload', 'transport'],
  dashboard: ['protocol', 'run-store', 'transport', 'infra'],
  convoy: [
    'protocol',
    'numerics',
    'training',
    'model',
    'engine',
    'workload',
    'transport',
    'run-store',
    'server',
    'worker',
    'dashboard',
    'export',
    'infra',
  ],
  'tfjs-convoy': ['protocol', 'training', 'model', 'pictures', 'convoy'],
  infra: ['protocol', 'numerics'],
  cli: [...PACKAGES, 'infra'],
  'parameter-server': ['cli'],
  'worker-app': ['cli'],
  examples: ['tfjs-convoy'],
  test: [...PACKAGES, 'infra', 'cli'],
};

/** Packages that only one project may use, or those that are named. */
const owners = [
  ['ws', 'transport'],
  ['selfsigned', 'transport'],
  // The page tries models with it, in the browser.
  ['@tensorflow/*', 'engine', 'dashboard'],
  ['csv-parse', 'examples'],
  ['echarts', 'pictures'],
  ['@resvg/*', 'pictures'],
  ['sharp', 'pictures'],
  ['h5wasm', 'export'],
  ['fflate', 'export'],
  ['preact', 'dashboard'],
  ['uplot', 'dashboard'],
];
/** They prepare and check what the owners use, or are what a user of it writes. */
const exempt = ['infra', 'test', 'workload', 'examples'];

/** What tests may use beside what they test. */
const testBoundaries = {
  engine: ['cifar10'],
  export: ['cifar10', 'engine'],
  worker: ['cifar10', 'server'],
  server: ['cifar10'],
};

function boundaryRule(more) {
  return {
    enforceBuildableLibDependency: false,
    // A condition chooses between two files of infra: the clone's and the package's.
    allowCircularSelfDependency: true,
    allow: [],
    depConstraints: Object.entries(boundaries).map(([scope, allowed]) => ({
      sourceTag: `scope:${scope}`,
      onlyDependOnLibsWithTags: [scope, ...allowed, ...(more[scope] ?? [])].map((name) => `scope:${name}`),
      bannedExternalImports: owners
        .filter(([, ...users]) => !users.includes(scope) && !exempt.includes(scope))
        .map(([name]) => name),
    })),
  };
}

const purityMessage = 'packages/training decides and does nothing else: clocks, chance and I/O arrive as arguments.';

export default tseslint.config(
  { ignores: ['**/node_modules/', 'reports/', 'runs/', '.nx/', '**/dist/'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx', '**/*.mjs'],
    // Vitest's settings are the workspace's, not a project's.
    ignores: ['**/vitest.config.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': ['error', boundaryRule({})],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    files: ['**/*.{test,fixture,bench}.ts'],
    rules: { '@nx/enforce-module-boundaries': ['error', boundaryRule(testBoundaries)] },
  },
  {
    // Written as they are in somebody's own project: they import the package by its name.
    files: ['packages/tfjs-convoy/templates/**'],
    rules: { '@nx/enforce-module-boundaries': 'off' },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    // The program as functions is the program: it reads the environment.
    ignores: ['**/*.test.ts', '**/*.bench.ts', 'packages/convoy/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Libraries read no environment: take it as an argument.' },
        { object: 'process', property: 'exit', message: 'Libraries end no process: throw.' },
      ],
    },
  },
  {
    files: ['packages/training/src/**/*.ts', 'packages/protocol/src/**/*.ts', 'packages/numerics/src/random/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.bench.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [{ group: ['node:*'], message: purityMessage }] }],
      'no-restricted-globals': [
        'error',
        ...['setTimeout', 'setInterval', 'setImmediate', 'process', 'performance'].map((name) => ({
          name,
          message: purityMessage,
        })),
      ],
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: purityMessage },
        { object: 'Math', property: 'random', message: purityMessage },
      ],
    },
  },
  { files: ['**/*.test.ts', '**/*.test.mjs', 'infra/**', 'test/**', 'examples/**'], rules: { 'no-console': 'off' } },
  prettier,
);
