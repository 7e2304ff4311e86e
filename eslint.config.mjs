import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';

/** Who may import whom, as CONTRIBUTING.md draws it: packages know the protocol and chance, apps know packages, the CLI knows apps. */
const boundaries = [
  ['protocol', []],
  ['random', []],
  ['arithmetic', []],
  ['pictures', ['protocol']],
  ['export', ['protocol', 'cifar10']],
  ['training', ['protocol', 'random', 'arithmetic']],
  ['cifar10', ['protocol', 'random', 'arithmetic']],
  ['transport', ['protocol']],
  ['workload', ['protocol', 'training', 'cifar10']],
  ['parameter-server', ['protocol', 'random', 'arithmetic', 'training', 'cifar10', 'workload', 'transport']],
  ['worker', ['protocol', 'arithmetic', 'training', 'cifar10', 'workload', 'transport']],
  ['infra', ['arithmetic']],
  [
    'cli',
    [
      'protocol',
      'random',
      'training',
      'cifar10',
      'workload',
      'export',
      'pictures',
      'transport',
      'parameter-server',
      'worker',
      'infra',
    ],
  ],
  ['api', ['protocol', 'training', 'cifar10', 'workload', 'parameter-server', 'worker', 'infra', 'cli']],
  ['examples', ['api', 'protocol']],
  [
    'test',
    [
      'protocol',
      'random',
      'arithmetic',
      'training',
      'cifar10',
      'workload',
      'export',
      'pictures',
      'transport',
      'parameter-server',
      'worker',
      'infra',
      'cli',
    ],
  ],
];

/** Packages that only one project may use. */
const owners = [
  ['ws', 'transport'],
  ['@tensorflow/*', 'cifar10'],
  ['csv-parse', 'examples'],
  ['echarts', 'pictures'],
  ['@resvg/*', 'pictures'],
  ['sharp', 'pictures'],
  ['h5wasm', 'export'],
  ['fflate', 'export'],
];
/** They prepare and check what the owners use, or are what a user of it writes. */
const exempt = ['infra', 'test', 'workload', 'examples'];

const purityMessage = 'packages/training decides and does nothing else: clocks, chance and I/O arrive as arguments.';

export default tseslint.config(
  { ignores: ['**/node_modules/', 'reports/', 'runs/', '.nx/', '**/dist/'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.mjs'],
    // Vitest's settings are the workspace's, not a project's.
    ignores: ['**/vitest.config.ts'],
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: boundaries.map(([scope, allowed]) => ({
            sourceTag: `scope:${scope}`,
            onlyDependOnLibsWithTags: [`scope:${scope}`, ...allowed.map((name) => `scope:${name}`)],
            bannedExternalImports: owners
              .filter(([, owner]) => owner !== scope && !exempt.includes(scope))
              .map(([name]) => name),
          })),
        },
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-console': 'error',
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*.bench.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Libraries read no environment: take it as an argument.' },
        { object: 'process', property: 'exit', message: 'Libraries end no process: throw.' },
      ],
    },
  },
  {
    files: ['packages/training/src/**/*.ts', 'packages/protocol/src/**/*.ts', 'packages/random/src/**/*.ts'],
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
