import { createServer } from 'node:net';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { ObservedTopology } from '../../src/adapters/amqp/readManagedTopology.ts';
import { compareTopology, describeBinding } from '../../src/app/cli/topology/compareTopology.ts';
import { withoutUser } from '../../src/app/cli/topology/describeTopology.ts';
import { drawMermaid } from '../../src/app/cli/topology/drawMermaid.ts';
import { drawTree } from '../../src/app/cli/topology/drawTree.ts';
import { orderflowTopology } from '../../src/app/messaging/topology.ts';
import type { Topology } from '../../src/ports/broker.ts';
import { managedBroker, startManagementServer } from '../adapters/amqp/managementServer.ts';
import { readProjectFile } from '../architecture/projectFiles.ts';
import { topologyWith } from '../support/brokerTopology.ts';
import { orderflow } from '../support/programs.ts';
import { rabbitmqAdmin } from '../support/rabbitmq.ts';
import { describeWithService, rabbitmqUrl, uniquePrefix } from '../support/services.ts';

const example = topologyWith(
  'p.',
  [
    {
      name: 'work',
      arguments: {
        'x-delivery-limit': 5,
        'x-dead-letter-exchange': 'p.dead',
        'x-dead-letter-routing-key': 'gone',
      },
      bindings: [
        ['events', 'order.*'],
        ['tasks', 'work'],
      ],
    },
    { name: 'gone', bindings: [['dead', 'gone']] },
  ],
  [{ source: 'events', destination: 'audit', routingKey: '#', arguments: {} }],
);

describe('the picture of a topology', () => {
  it('is a tree of exchanges, binding keys and queues, with the arguments of each queue once', () => {
    expect(stripVTControlCharacters(drawTree(example))).toBe(`p.events (topic)
├─ order.* ─▶ queue p.work
│      x-delivery-limit: 5
│      x-dead-letter-exchange: p.dead
│      x-dead-letter-routing-key: gone
└─ # ─▶ exchange p.audit

p.tasks (direct)
└─ work ─▶ queue p.work

p.broadcast (fanout)
└─ nothing here; whoever listens binds a queue

p.audit (headers)
└─ nothing here; whoever listens binds a queue

p.dead (direct)
└─ gone ─▶ queue p.gone
`);
  });

  it('is a Mermaid flowchart, where nothing is read as Markdown', () => {
    expect(drawMermaid(example)).toBe(`flowchart LR
  exchange1{{"p.events<br/>topic"}}
  exchange2{{"p.tasks<br/>direct"}}
  exchange3{{"p.broadcast<br/>fanout"}}
  exchange4{{"p.audit<br/>headers"}}
  exchange5{{"p.dead<br/>direct"}}
  queue1["p.work<br/>x-delivery-limit: 5"]
  queue2["p.gone"]
  exchange1 -- "order.#42;" --> queue1
  exchange2 -- "work" --> queue1
  exchange5 -- "gone" --> queue2
  exchange1 -- "#35;" --> exchange4
  queue1 -. "dead: gone" .-> exchange5
`);
  });

  it('stands in docs/topology.md as it is printed today', async () => {
    const { stdout } = await orderflow(['topology', 'show', '--mermaid']);
    expect(stdout).toBe(drawMermaid(orderflowTopology('')));
    const [, picture] = /```mermaid\n([\s\S]*?)```/.exec(readProjectFile('docs/topology.md')) ?? [];
    expect(picture, 'put what "orderflow topology show --mermaid" prints into docs/topology.md').toBe(stdout);
  });
});

describe('a comparison', () => {
  /** A broker that has all of it, and the exchanges, queues and bindings of others. */
  const observed = (): ObservedTopology => {
    const kept = { durable: true, autoDelete: false, arguments: {} };
    const binding = { destinationType: 'queue', routingKey: '', arguments: {} };
    return {
      exchanges: [
        ...example.exchanges.map((exchange) => ({ ...kept, internal: false, ...exchange })),
        { ...kept, name: 'other', type: 'direct', internal: false },
      ],
      queues: [
        ...example.queues.map((queue) => ({ ...kept, exclusive: false, ...queue })),
        { ...kept, name: 'listener', exclusive: true },
      ],
      bindings: [
        ...example.bindings,
        { ...binding, source: '', destination: 'p.work', routingKey: 'p.work' },
        { ...binding, source: 'p.events', destination: 'listener', routingKey: 'order.#' },
      ],
    };
  };

  it('finds nothing where all is as declared; what others have is their own business', () => {
    expect(compareTopology(example, observed())).toEqual({ differences: [], undeclaredBindings: [] });
  });

  it('finds everything that is missing', () => {
    const { differences } = compareTopology(example, { exchanges: [], queues: [], bindings: [] });
    expect(differences.map(({ finding, kind, name }) => `${finding} ${kind} ${name}`)).toEqual([
      ...example.exchanges.map(({ name }) => `missing exchange ${name}`),
      ...example.queues.map(({ name }) => `missing queue ${name}`),
      ...example.bindings.map((binding) => `missing binding ${describeBinding(binding)}`),
    ]);
  });

  it('tells each property that is another, with both values; an argument too many is one as well', () => {
    const found = observed();
    const changed = {
      ...found,
      exchanges: found.exchanges.map((one) =>
        one.name === 'p.events'
          ? { ...one, type: 'fanout', internal: true, arguments: { 'alternate-exchange': 'x' } }
          : one,
      ),
      queues: found.queues.map((one) =>
        one.name === 'p.work'
          ? { ...one, durable: false, arguments: { 'x-delivery-limit': '5', 'x-max-length': 10 } }
          : one,
      ),
    };
    const detail = (property: string, declared: unknown, found: unknown) => ({ property, declared, found });
    expect(compareTopology(example, changed).differences).toEqual([
      {
        ...{ finding: 'differs', kind: 'exchange', name: 'p.events' },
        details: [
          detail('type', 'topic', 'fanout'),
          detail('internal', false, true),
          detail('alternate-exchange', null, 'x'),
        ],
      },
      {
        ...{ finding: 'differs', kind: 'queue', name: 'p.work' },
        details: [
          detail('durable', true, false),
          detail('x-delivery-limit', 5, '5'),
          detail('x-dead-letter-exchange', 'p.dead', null),
          detail('x-dead-letter-routing-key', 'gone', null),
          detail('x-max-length', null, 10),
        ],
      },
    ]);
  });

  it('tells of bindings to our queues that nobody declared: that is no difference', () => {
    const found = observed();
    const more = { ...example.bindings[0]!, routingKey: 'payment.#' };
    expect(compareTopology(example, { ...found, bindings: [...found.bindings, more] })).toEqual({
      differences: [],
      undeclaredBindings: ['p.events -- payment.# --> queue p.work'],
    });
  });

  it('takes bindings with the same arguments in another order for the same', () => {
    const [first, ...rest] = example.bindings;
    const declared = { ...example, bindings: [{ ...first!, arguments: { a: '1', b: '2' } }, ...rest] };
    const found = observed();
    const bindings = [...found.bindings.slice(1), { ...first!, arguments: { b: '2', a: '1' } }];
    expect(compareTopology(declared, { ...found, bindings }).differences).toEqual([]);
    expect(compareTopology(declared, found).differences.map(({ name }) => name)).toEqual([
      'p.events -- order.* {"a":"1","b":"2"} --> queue p.work',
    ]);
  });
});

describe('topology', () => {
  it('shows help with examples at every level', async () => {
    for (const level of ['show', 'apply', 'check']) {
      const { exitCode, stdout } = await orderflow(['topology', level, '--help']);
      expect(stdout).toContain(`Usage: orderflow topology ${level}`);
      expect(stdout).toMatch(/Examples:\n {2}\$ /);
      expect(exitCode).toBe(0);
    }
  });

  it('show needs no broker, and heeds the prefix', async () => {
    const env = { QUEUE_PREFIX: 'shop.', BROKER_URL: 'amqp://127.0.0.1:1' };
    expect(await orderflow(['topology', 'show'], env)).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: stripVTControlCharacters(drawTree(orderflowTopology('shop.'))),
    });
    const json = await orderflow(['topology', 'show', '--json'], env);
    expect(JSON.parse(json.stdout)).toEqual(orderflowTopology('shop.'));
    const both = await orderflow(['topology', 'show', '--json', '--mermaid'], env);
    expect(both).toMatchObject({ exitCode: 2, stdout: '' });
  });

  it('apply and check say that nobody else reaches a broker in memory', async () => {
    for (const action of ['apply', 'check']) {
      const { exitCode, stdout, stderr } = await orderflow(['topology', action]);
      expect(stderr).toMatch(/^orderflow: BROKER_URL is memory:.* Set it to a RabbitMQ server/);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    }
  });

  it('a broker that is away is one clear message, without credentials', async () => {
    const BROKER_URL = 'amqp://anna:s%2Fcret@127.0.0.1:1/shop';
    for (const args of [
      ['apply'],
      ['check'],
      ['check', '--management-url', 'http://eve:other@127.0.0.1:1'],
    ]) {
      const { exitCode, stdout, stderr } = await orderflow(['topology', ...args], { BROKER_URL });
      expect(stderr).toBe(
        'orderflow: cannot connect to the broker at amqp://127.0.0.1:1/shop: connect ECONNREFUSED 127.0.0.1:1\n',
      );
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    }
  });

  it('a broker that is silent is given up in time', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const BROKER_URL = `amqp://anna:secret@127.0.0.1:${port}`;
    const { exitCode, stderr } = await orderflow(['topology', 'apply'], { BROKER_URL });
    server.close();
    expect(stderr).toMatch(/^orderflow: cannot connect to the broker at amqp:\/\/127\.0\.0\.1:\d+: .+\n$/);
    expect(stderr).not.toMatch(/anna|secret/);
    expect(exitCode).toBe(1);
  });

  it("names the user of a refusal to nobody; the broker's own words stay", () => {
    expect(withoutUser(`access to queue 'q' in vhost '/' refused for user 'o'hara'". Give it`)).toBe(
      `access to queue 'q' in vhost '/' refused for the user of BROKER_URL". Give it`,
    );
  });
});

describe('topology check, through the management API', () => {
  const topology = orderflowTopology('shop.');

  const check = async (
    broker: ReturnType<typeof managedBroker>,
    ...args: readonly string[]
  ): Promise<Awaited<ReturnType<typeof orderflow>> & { readonly url: string }> => {
    const api = await startManagementServer(broker, { vhost: 'eu', user: 'anna', password: 's/cret' });
    try {
      // Nothing listens for AMQP there: what is told comes from the API alone.
      const env = { QUEUE_PREFIX: 'shop.', BROKER_URL: 'amqp://anna:s%2Fcret@127.0.0.1:1/eu' };
      const ended = await orderflow(['topology', 'check', '--management-url', api.url, ...args], env);
      expect(ended.stdout + ended.stderr).not.toMatch(/anna|s\/cret|s%2Fcret/);
      return { ...ended, url: api.url };
    } finally {
      await api.stop();
    }
  };

  it('ends with 0 when all is as declared', async () => {
    const { url, ...ended } = await check(managedBroker(topology, 'eu'));
    expect(ended).toEqual({ exitCode: 0, stderr: '', stdout: `Everything is as declared (${url}).\n` });
    const json = await check(managedBroker(topology, 'eu'), '--json');
    expect(JSON.parse(json.stdout)).toEqual({
      ...{ ok: true, at: json.url, compared: 'everything', because: null },
      ...{ differences: [], undeclaredBindings: [] },
    });
  });

  it('says what is missing and what differs, and ends with 1', async () => {
    const all = managedBroker(topology, 'eu');
    const work = topology.queues[0]!.name;
    const broker = {
      exchanges: all.exchanges.filter(({ name }) => name !== topology.exchangeNames.audit),
      queues: all.queues.map((queue) =>
        queue.name === work
          ? { ...queue, arguments: { ...(queue.arguments as object), 'x-delivery-limit': 20 } }
          : queue,
      ),
      bindings: [
        ...all.bindings.filter(({ destination }) => destination !== topology.exchangeNames.audit),
        { ...all.bindings.at(-1), source: 'elsewhere', destination: work, routing_key: 'all' },
      ],
    };
    const { stdout, stderr, exitCode, url } = await check(broker);
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 1 });
    expect(stdout).toMatch(/^exchange +shop\.orderflow\.audit +missing$/m);
    expect(stdout).toContain(`${work}  `);
    expect(stdout).toMatch(/differs: x-delivery-limit is 20, declared 1000$/m);
    expect(stdout).toMatch(
      /^binding +shop\.orderflow\.events -- # --> exchange shop\.orderflow\.audit +missing$/m,
    );
    expect(stdout).toContain(`  elsewhere -- all --> queue ${work}\n`);
    expect(stdout).toContain(`2 parts are missing, 1 in another shape (${url}).`);
    const json = JSON.parse((await check(broker, '--json')).stdout) as { readonly ok: boolean };
    expect(json).toMatchObject({
      ok: false,
      compared: 'everything',
      differences: [
        { finding: 'missing', kind: 'exchange' },
        {
          ...{ finding: 'differs', kind: 'queue', name: work },
          details: [{ property: 'x-delivery-limit', declared: 1000, found: 20 }],
        },
        { finding: 'missing', kind: 'binding' },
      ],
    });
  });

  it('takes only an address for one', async () => {
    const ended = await orderflow(['topology', 'check', '--management-url', 'rabbit:15672']);
    expect(ended.stderr).toContain('It must be an address such as http://127.0.0.1:15672.');
    expect(ended.exitCode).toBe(2);
  });
});

describeWithService('rabbitmq', 'topology, on RabbitMQ', () => {
  /** Nothing answers there, so that AMQP is what is left. */
  const noApi = ['--management-url', 'http://127.0.0.1:1'];

  const withPrefix = async (
    test: (given: {
      readonly topology: Topology;
      readonly admin: Awaited<ReturnType<typeof rabbitmqAdmin>>;
      readonly run: (...args: readonly string[]) => ReturnType<typeof orderflow>;
    }) => Promise<void>,
  ): Promise<void> => {
    const prefix = uniquePrefix();
    const topology = orderflowTopology(prefix);
    const admin = await rabbitmqAdmin();
    try {
      const env = { BROKER_URL: rabbitmqUrl(), QUEUE_PREFIX: prefix };
      await test({ topology, admin, run: (...args) => orderflow(['topology', ...args], env) });
    } finally {
      await admin.remove(topology);
      await admin.close();
    }
  };

  it('check says what is missing, apply creates it, and again there is nothing to create', async () => {
    await withPrefix(async ({ topology, run }) => {
      const before = await run('check', ...noApi);
      expect(before.exitCode).toBe(1);
      for (const { name } of [...topology.exchanges, ...topology.queues]) {
        expect(before.stdout).toMatch(new RegExp(`${name} +missing$`, 'm'));
      }
      expect(before.stdout).toContain('"orderflow topology apply" declares what is missing.');
      expect(before.stdout).toContain(
        'Only names were looked at, over AMQP: types, arguments and bindings could not be compared, because the ' +
          'management API cannot be used (http://127.0.0.1:1: ',
      );

      const applied = await run('apply');
      expect(applied).toMatchObject({ exitCode: 0, stderr: '' });
      expect(applied.stdout).toMatch(/^exchange +\S+orderflow\.events +created$/m);
      expect(applied.stdout).toMatch(
        /\nDeclared 5 exchanges, \d+ queues, \d+ bindings on amqp:\/\/[^@\s]+:\d+\.\n$/,
      );
      const again = JSON.parse((await run('apply', '--json')).stdout) as object;
      expect(again).toMatchObject({
        exchanges: topology.exchanges.map(({ name }) => ({ name, created: false })),
        queues: topology.queues.map(({ name }) => ({ name, created: false })),
        bindings: topology.bindings,
      });

      const after = await run('check', ...noApi);
      expect(after.stdout).toMatch(/^No exchange or queue is missing .*\nOnly names were looked at/);
      expect(after.exitCode).toBe(0);
      const json = JSON.parse((await run('check', '--json', ...noApi)).stdout) as object;
      expect(json).toMatchObject({ ok: true, compared: 'names only', differences: [] });
    });
  });

  it('apply tells a refusal as it is, with what to do, and ends with 1', async () => {
    await withPrefix(async ({ topology, admin, run }) => {
      const { name } = topology.queues[0]!;
      await admin.channel.assertQueue(name, { durable: true });
      const { exitCode, stdout, stderr } = await run('apply');
      expect(stderr).toMatch(
        /^orderflow: the broker refuses the queue ".*PRECONDITION_FAILED - inequivalent arg/,
      );
      expect(stderr).toContain(`the broker refuses the queue "${name}"`);
      expect(stderr).toContain('let it drain and delete it, or use another queue prefix');
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    });
  });

  it('credentials that the broker refuses are not shown', async () => {
    const url = new URL(rabbitmqUrl());
    url.username = 'somebody';
    url.password = 'hunter2';
    const { exitCode, stderr } = await orderflow(['topology', 'check', ...noApi], { BROKER_URL: url.href });
    expect(stderr).toMatch(/^orderflow: cannot connect to the broker at amqp:.*ACCESS_REFUSED/);
    expect(stderr).not.toMatch(/somebody|hunter2/);
    expect(exitCode).toBe(1);
  });
});
