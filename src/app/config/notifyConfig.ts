import { z } from 'zod';

export const channels = ['log', 'email', 'webhook'] as const;
export type ChannelName = (typeof channels)[number];

export interface NotifyConfig {
  /** In the order in which they are tried. */
  readonly channels: readonly ChannelName[];
  /** May carry credentials: never logged. */
  readonly smtpUrl: string | null;
  readonly mailFrom: string | null;
  readonly webhookUrl: string | null;
  readonly webhookSecret: string | null;
  readonly allowPrivate: boolean;
  /** News of orders that is older is told to nobody. */
  readonly maxAgeMs: number;
  /** Null: those that come with the program. */
  readonly templates: string | null;
}

const channelList = z
  .string()
  .default('log')
  .transform((text, context): readonly ChannelName[] => {
    const named = text.split(',').map((channel) => channel.trim());
    const known = named.filter((channel): channel is ChannelName =>
      (channels as readonly string[]).includes(channel),
    );
    if (known.length === named.length && new Set(known).size === known.length) return known;
    context.addIssue(`must be a comma-separated list of ${channels.join(', ')}, each once`);
    return z.NEVER;
  });

const urlOf = (protocols: readonly string[], example: string) =>
  z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
      error: `must be an address like ${example}`,
    })
    .optional();

/** The secret is not repeated in the message. */
const webhookSecret = z
  .string()
  .refine((text) => /^whsec_[A-Za-z0-9+/]+={0,2}$/.test(text) && isLongEnough(text), {
    error: 'must be whsec_ followed by 24 to 64 bytes in base64',
  })
  .optional();

const isLongEnough = (secret: string): boolean => {
  const { length } = Buffer.from(secret.slice('whsec_'.length), 'base64');
  return length >= 24 && length <= 64;
};

/** The variables that say how customers are told. */
export const notifyVariables = {
  NOTIFY_CHANNELS: channelList,
  SMTP_URL: urlOf(['smtp:', 'smtps:'], 'smtp://user:password@host:587'),
  MAIL_FROM: z
    .string()
    .regex(/^[^\r\n@]+@[^\r\n@]+$/, 'must be an address like shop@shop.example or Shop <shop@shop.example>')
    .optional(),
  NOTIFY_WEBHOOK_URL: urlOf(['https:', 'http:'], 'https://shop.example/notifications'),
  NOTIFY_WEBHOOK_SECRET: webhookSecret,
  NOTIFY_ALLOW_PRIVATE: z.enum(['yes', 'no'], { error: 'must be yes or no' }).default('no'),
  NOTIFY_MAX_AGE_HOURS: z
    .string()
    .regex(/^[1-9]\d{0,4}$/, 'must be a whole number from 1 to 99999')
    .default('48')
    .transform(Number),
  NOTIFY_TEMPLATES: z.string().optional(),
};

type NotifyValues = z.output<z.ZodObject<typeof notifyVariables>>;

export const notifyOf = (values: NotifyValues): NotifyConfig => ({
  channels: values.NOTIFY_CHANNELS,
  smtpUrl: values.SMTP_URL ?? null,
  mailFrom: values.MAIL_FROM ?? null,
  webhookUrl: values.NOTIFY_WEBHOOK_URL ?? null,
  webhookSecret: values.NOTIFY_WEBHOOK_SECRET ?? null,
  allowPrivate: values.NOTIFY_ALLOW_PRIVATE === 'yes',
  maxAgeMs: values.NOTIFY_MAX_AGE_HOURS * 60 * 60 * 1000,
  templates: values.NOTIFY_TEMPLATES ?? null,
});

export const contradictingNotify = (values: NotifyValues): string[] => {
  const needed = {
    email: ['SMTP_URL', 'MAIL_FROM'],
    webhook: ['NOTIFY_WEBHOOK_URL', 'NOTIFY_WEBHOOK_SECRET'],
    log: [],
  } as const;
  return values.NOTIFY_CHANNELS.flatMap((channel) =>
    needed[channel]
      .filter((variable) => values[variable] === undefined)
      .map((variable) => `NOTIFY_CHANNELS has ${channel}, which needs ${variable}`),
  );
};
