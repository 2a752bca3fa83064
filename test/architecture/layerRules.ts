/**
 * What the files of one layer may import. A path is a file, a folder with all that is in it (`a/`), or the files that
 * lie directly in a folder (`a/*`); relative to the project.
 */
export interface Layer {
  readonly name: string;
  readonly at: readonly string[];
  readonly may: readonly string[];
  readonly mayNot?: readonly string[];
  /** Packages, and the modules of Node. */
  readonly packages?: readonly string[];
  readonly node?: readonly string[] | 'all';
  /** Whether `import(x)` with a computed target is allowed. */
  readonly computed?: boolean;
}

const ports = ['src/ports/', 'src/domain/'];
/** Needed by several adapters, and bound to no technology. */
const sharedByAdapters = ['src/adapters/*', 'src/adapters/publishing/'];

const adapter = (folder: string, packages: readonly string[], more: readonly string[] = []): Layer => ({
  name: `the ${folder} adapter`,
  at: [`src/adapters/${folder}/`],
  may: [`src/adapters/${folder}/`, ...sharedByAdapters, ...ports, ...more],
  packages,
  node: 'all',
});

/** Each has its own data and its own words: what they tell each other goes through the broker. */
const contexts = ['orders', 'inventory', 'loyalty', 'notifications'];

const othersThan = (context: string): readonly string[] =>
  contexts
    .filter((other) => other !== context)
    .flatMap((other) => [`src/domain/${other}/`, `src/app/${other}/`]);

/** The dependency rule: domain <- ports <- app <- composition -> adapters -> ports. The first layer that fits counts. */
export const layers: readonly Layer[] = [
  ...contexts.map((context) => ({
    name: `the domain of ${context}`,
    at: [`src/domain/${context}/`],
    may: [`src/domain/${context}/`, 'src/domain/shared/'],
  })),
  ...contexts.map((context) => ({
    name: `the application of ${context}`,
    at: [`src/app/${context}/`],
    may: ['src/app/', ...ports],
    mayNot: [
      'src/app/composition/',
      'src/app/main.ts',
      'src/app/cli.ts',
      'src/app/cli/',
      ...othersThan(context),
    ],
  })),
  { name: 'the domain', at: ['src/domain/'], may: ['src/domain/'] },
  { name: 'the ports', at: ['src/ports/'], may: ports },
  {
    name: 'the composition',
    at: ['src/app/composition/'],
    may: ['src/', 'package.json'],
    mayNot: ['src/app/main.ts', 'src/app/cli.ts', 'src/app/cli/'],
    packages: ['inversify'],
    node: 'all',
  },
  {
    name: 'the command line',
    at: ['src/app/main.ts', 'src/app/cli.ts', 'src/app/cli/'],
    may: ['src/', 'package.json'],
    packages: ['commander', 'cli-progress', 'cli-table3', 'csv-parse', 'zod'],
    node: 'all',
  },
  {
    name: 'the configuration',
    at: ['src/app/config.ts', 'src/app/config/'],
    may: ['src/app/config.ts', 'src/app/config/', ...ports],
    packages: ['zod'],
  },
  {
    name: 'the application',
    at: ['src/app/'],
    may: ['src/app/', ...ports],
    mayNot: ['src/app/composition/', 'src/app/main.ts', 'src/app/cli.ts', 'src/app/cli/'],
    node: ['node:timers/promises'],
  },
  { name: 'what adapters share', at: sharedByAdapters, may: [...sharedByAdapters, ...ports], node: 'all' },
  adapter('memory', []),
  adapter('sql', ['knex', 'sqlite3', 'better-sqlite3'], ['migrations/']),
  adapter('amqp', ['amqplib']),
  adapter('notifications', ['nodemailer', 'cockatiel']),
  adapter('http', ['express', 'zod']),
  adapter('system', ['pino', 'uuid']),
];

/** The one place where the configuration reads the environment, and the programs themselves. */
export const mayReadEnvironment = ['src/app/config.ts', 'src/app/main.ts', 'src/app/cli.ts', 'src/app/cli/'];

export const under = (path: string, places: readonly string[]): boolean =>
  places.some((place) => {
    if (place.endsWith('/*'))
      return path.startsWith(place.slice(0, -1)) && !path.includes('/', place.length - 1);
    return place.endsWith('/') ? path.startsWith(place) : path === place;
  });
