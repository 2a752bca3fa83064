import { describe, expect, it } from 'vitest';
import {
  checkLayers,
  emptyNames,
  filesThatResolve,
  findCycles,
  type Sources,
  strayEnvironment,
} from './checkLayers.ts';
import { filesUnder, sourcesUnder } from './projectFiles.ts';
import { scanImports } from './scanImports.ts';

const src = sourcesUnder('src');

describe('the layers', () => {
  it('import only what the dependency rule allows', () => {
    expect(src.size).toBeGreaterThan(30);
    expect(checkLayers(src)).toEqual([]);
  });

  it('have no import cycles', () => {
    expect(findCycles(src)).toEqual([]);
  });

  it('have no files whose names say nothing, and no barrels', () => {
    const ours = ['src', 'test', 'bench', 'migrations'].flatMap(filesUnder);
    expect(emptyNames(ours)).toEqual([]);
  });

  it('the container is asked in one file only', () => {
    expect(filesThatResolve(src)).toEqual(['src/app/composition/container.ts']);
  });

  it('the environment is read by the configuration and the programs only', () => {
    expect(strayEnvironment(src)).toEqual([]);
  });
});

const files = (entries: Readonly<Record<string, string>>): Sources => new Map(Object.entries(entries));
const breaches = (path: string, source: string): readonly string[] =>
  checkLayers(
    files({
      [path]: source,
      'src/domain/orders/order.ts': '',
      'src/ports/clock.ts': '',
      'src/adapters/memory/InMemoryBroker.ts': '',
      'src/adapters/http/routes.ts': '',
      'src/app/work.ts': '',
      'src/app/composition/compose.ts': '',
    }),
  );

describe('the scan of the layers', () => {
  it('sees every form of import', () => {
    const source = [
      "import 'a';",
      "import type { B } from 'b';",
      'import {',
      '  c,',
      "} from 'c';",
      "export * from 'd';",
      "export { e } from 'e';",
      "const f = await import('f'); type G = typeof import('g');",
      'const h = await import(name);',
      "const i = require('i');",
      'const j = await import(`./$' + '{name}.ts`);',
      "import k, * as l from 'l'; import m from 'm';",
    ].join('\n');
    const found = scanImports(source).map(({ specifier, line }) => [specifier, line]);
    expect(found).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 5],
      ['d', 6],
      ['e', 7],
      ['f', 8],
      ['g', 8],
      [null, 9],
      ['i', 10],
      [null, 11],
      ['l', 12],
      ['m', 12],
    ]);
  });

  it('takes no comment, no property and no text for an import', () => {
    const source = [
      "// import a from 'a';",
      "/* import b from 'b';",
      "import c from 'c'; */",
      " * import('d')",
      "const from = 'e';",
      'export const important = 1;',
      'loader.import(f);',
      "await require(run, 'journal_mode');",
      'const url = import.meta.url;',
    ].join('\n');
    expect(scanImports(source.replace(" * import('d')", "/** import('d') */"))).toEqual([]);
  });

  it('catches a context that looks into another', () => {
    const sources = files({
      'src/domain/loyalty/decide.ts': "import type { Order } from '../orders/order.ts';",
      'src/app/inventory/consumer.ts': "import { orderModel } from '../orders/orderModel.ts';",
    });
    expect(checkLayers(sources)).toHaveLength(2);
  });

  it('catches a domain that looks outside', () => {
    const order = 'src/domain/orders/decide.ts';
    expect(breaches(order, "import { Clock } from '../../ports/clock.ts';")).toEqual([
      `${order}:1: the domain of orders must not import ../../ports/clock.ts`,
    ]);
    expect(breaches(order, "import { randomUUID } from 'node:crypto';")).toHaveLength(1);
    expect(breaches(order, "import type { z } from 'zod';")).toHaveLength(1);
    expect(breaches(order, "const { z } = await import('zod');")).toHaveLength(1);
    expect(breaches(order, "import { evolve } from './order.ts';")).toEqual([]);
  });

  it('catches ports and an application that know adapters, packages or the container', () => {
    expect(breaches('src/ports/broker.ts', "import type { Channel } from 'amqplib';")).toHaveLength(1);
    expect(breaches('src/ports/broker.ts', "import type { Work } from '../app/work.ts';")).toHaveLength(1);
    const app = 'src/app/orders/orderService.ts';
    expect(breaches(app, "export * from '../../adapters/http/routes.ts';")).toHaveLength(1);
    expect(breaches(app, "import { compose } from '../composition/compose.ts';")).toHaveLength(1);
    expect(breaches(app, "import { Container } from 'inversify';")).toHaveLength(1);
    expect(breaches(app, "import fs from 'node:fs';")).toHaveLength(1);
    expect(breaches(app, "import { work } from '../work.ts';")).toEqual([]);
  });

  it('catches adapters that know the application, each other or the technology of another', () => {
    const http = 'src/adapters/http/createHttpEdge.ts';
    expect(breaches(http, "import type { Work } from '../../app/work.ts';")).toHaveLength(1);
    expect(breaches(http, "import { InMemoryBroker } from '../memory/InMemoryBroker.ts';")).toHaveLength(1);
    expect(breaches(http, "import knex from 'knex';")).toHaveLength(1);
    expect(breaches(http, "import express from 'express';\nimport './routes.ts';")).toEqual([]);
    expect(breaches('src/adapters/redis/Cache.ts', '')[0]).toContain('no layer holds this file');
    const shared = 'src/adapters/partitionOf.ts';
    expect(breaches(shared, "import { crc32 } from 'node:zlib';")).toEqual([]);
    expect(breaches(shared, "import knex from 'knex';")).toHaveLength(1);
    expect(breaches(shared, "import { InMemoryBroker } from './memory/InMemoryBroker.ts';")).toHaveLength(1);
  });

  it('lets the composition and the programs know adapters, but not the packages behind them', () => {
    const known = "import { routes } from '../../adapters/http/routes.ts';";
    expect(breaches('src/app/composition/httpModule.ts', known)).toEqual([]);
    expect(breaches('src/app/composition/httpModule.ts', "import express from 'express';")).toHaveLength(1);
    expect(breaches('src/app/main.ts', "import '../adapters/http/routes.ts';")).toEqual([]);
  });

  it('catches an import without extension, or of a file that is not there', () => {
    expect(breaches('src/domain/orders/decide.ts', "import './order';")[0]).toContain('names no file');
  });

  it('catches cycles, also of types', () => {
    const cycle = files({
      'src/a.ts': "import type { B } from './deep/b.ts';",
      'src/deep/b.ts': "export * from '../c.ts';",
      'src/c.ts': "import { a } from './a.ts';",
      'src/d.ts': "import { a } from './a.ts';",
    });
    expect(findCycles(cycle)).toEqual(['src/a.ts -> src/deep/b.ts -> src/c.ts -> src/a.ts']);
    expect(findCycles(files({ 'src/self.ts': "import './self.ts';" }))).toHaveLength(1);
  });

  it('catches names that say nothing', () => {
    const bad = [
      'src/utils/a.ts',
      'src/app/index.ts',
      'src/helpers.ts',
      'src/BrokerImpl.ts',
      'src/moneyUtils.ts',
    ];
    expect(emptyNames([...bad, 'src/app/indexing.ts', 'src/domain/shared/money.ts'])).toEqual(bad);
  });

  it('catches a second place that asks the container, and a stray look at the environment', () => {
    const sources = files({
      'src/app/orders/a.ts':
        'const orders = container.get<Orders>(tokens.orders); const url = process.env.URL;',
      'src/app/orders/b.ts':
        "const all = await this.container.getAllAsync(x); const url = process['env'].URL;",
      'src/app/orders/c.ts': "import { env } from 'node:process';",
      'src/app/orders/d.ts': 'settings.get(1);',
      'src/app/orders/e.ts': 'bind(tokens.orders).toDynamicValue((context) => context.get(tokens.clock));',
      'src/app/config.ts': 'process.env.URL',
    });
    expect(filesThatResolve(sources)).toEqual([
      'src/app/orders/a.ts',
      'src/app/orders/b.ts',
      'src/app/orders/e.ts',
    ]);
    expect(strayEnvironment(sources)).toEqual([
      'src/app/orders/a.ts',
      'src/app/orders/b.ts',
      'src/app/orders/c.ts',
    ]);
  });
});
