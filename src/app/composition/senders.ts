import { fileURLToPath } from 'node:url';
import { createLogSender } from '../../adapters/notifications/LogSender.ts';
import { resilientSender } from '../../adapters/notifications/resilientSender.ts';
import { createSmtpSender } from '../../adapters/notifications/SmtpSender.ts';
import { loadTemplates, type Templates } from '../../adapters/notifications/templates.ts';
import { createWebhookSender } from '../../adapters/notifications/WebhookSender.ts';
import { placeholders } from '../../domain/notifications/notices.ts';
import type { Logger } from '../../ports/logger.ts';
import type { NotificationSender } from '../../ports/notificationSender.ts';
import type { ChannelName, NotifyConfig } from '../config/notifyConfig.ts';
import type { Config } from '../config.ts';

export type Senders = Readonly<Partial<Record<ChannelName, NotificationSender>>>;

const ownTemplates = fileURLToPath(new URL('../../../templates/notifications', import.meta.url));

const careful = { atOnce: 10, breakAfter: 5, restMs: 10_000 };

/**
 * A mail server may have taken a mail that it is slow to acknowledge, so it gets nearly all of the handler's time, and
 * is not asked again at once. The receiver of a webhook can tell a repetition.
 */
const mailTimeoutMs = 8_000;
const webhookTimeoutMs = 3_000;

/** The configured channels; none in a process that tells nobody anything. Throws `TemplateError`. */
export const openSenders = ({ roles, notify }: Config, logger: Logger): Senders => {
  if (!roles.has('notifications')) return {};
  const known = Object.entries(placeholders).map(
    ([template, own]) => [template, ['orderId', 'customerId', ...own]] as const,
  );
  const templates = loadTemplates(notify.templates ?? ownTemplates, Object.fromEntries(known));
  return Object.fromEntries(
    notify.channels.map((channel) => [channel, openSender(channel, notify, templates, logger)]),
  );
};

const openSender = (
  channel: ChannelName,
  notify: NotifyConfig,
  templates: Templates,
  logger: Logger,
): NotificationSender => {
  switch (channel) {
    case 'log':
      return createLogSender(templates, logger);
    case 'email': {
      const settings = {
        url: needed(notify.smtpUrl),
        from: needed(notify.mailFrom),
        timeoutMs: mailTimeoutMs,
        maxConnections: careful.atOnce,
      };
      const sender = createSmtpSender(settings, templates);
      return resilientSender(channel, sender, logger, { ...careful, timeoutMs: mailTimeoutMs, retries: 0 });
    }
    case 'webhook': {
      const settings = {
        url: needed(notify.webhookUrl),
        secret: needed(notify.webhookSecret),
        allowPrivate: notify.allowPrivate,
      };
      const sender = createWebhookSender(settings, templates);
      return resilientSender(channel, sender, logger, {
        ...careful,
        timeoutMs: webhookTimeoutMs,
        retries: 1,
      });
    }
    default:
      return channel satisfies never;
  }
};

const needed = (value: string | null): string => {
  if (value === null) throw new Error('a channel lacks what the configuration requires of it');
  return value;
};
