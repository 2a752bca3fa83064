import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadTemplates } from '../../../src/adapters/notifications/templates.ts';
import { openSenders } from '../../../src/app/composition/senders.ts';
import { readConfig } from '../../../src/app/config.ts';
import { recordingLogger } from '../../support/recordingLogger.ts';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orderflow-templates-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, content: string) => writeFile(join(folder, name), content);
const load = () => loadTemplates(folder, { hello: ['name'] });

describe('templates', () => {
  it('are filled in, and escaped as what they are', async () => {
    await write('hello.txt', 'Subject: Hello {{name}}\n\nDear {{ name }},\n{{name}}.');
    await write('hello.html', '<p title="{{name}}">{{name}}</p>');
    const values = { name: `<b>"Ann" & 'Bob'</b>\r\nBcc: all@shop.example\u0007` };
    const { subject, text, html } = load().render('hello', values);
    expect(subject).toBe(`Hello <b>"Ann" & 'Bob'</b> Bcc: all@shop.example `);
    expect(text).toBe(
      `Dear <b>"Ann" & 'Bob'</b> Bcc: all@shop.example ,\n<b>"Ann" & 'Bob'</b> Bcc: all@shop.example .`,
    );
    const escaped = '&lt;b&gt;&quot;Ann&quot; &amp; &#39;Bob&#39;&lt;/b&gt; Bcc: all@shop.example ';
    expect(html).toBe(`<p title="${escaped}">${escaped}</p>`);
  });

  it('take a value as it is, also where it looks like a placeholder or a pattern', async () => {
    await write('hello.txt', 'Subject: {{name}}\n\n{{name}}');
    expect(load().render('hello', { name: '{{name}} $& $1' }).text).toBe('{{name}} $& $1');
  });

  it('are checked when they are loaded: missing, without a subject, with a placeholder that is not known', async () => {
    expect(load).toThrow(`${join(folder, 'hello')}.txt is missing`);
    await write('hello.txt', 'Hello');
    expect(load).toThrow('does not begin with a line "Subject: …"');
    await write('hello.txt', 'Subject: Hello {{nmae}}\n\n');
    expect(load).toThrow('hello.txt uses {{nmae}}, but has only {{name}}');
    expect(() => loadTemplates(join(folder, 'absent'), {})).toThrow('absent cannot be read');
  });

  it('that come with the program are complete', async () => {
    const senders = openSenders(readConfig({}), recordingLogger());
    await expect(
      senders.log?.send(
        { idempotencyKey: 'n', orderId: 'o', template: 'order-shipped', recipient: 'c', values: {} },
        AbortSignal.timeout(1_000),
      ),
    ).resolves.toBeUndefined();
  });
});
