import { z } from 'zod';

/** Files in PEM; null serves plain HTTP. */
export type TlsConfig = { readonly cert: string; readonly key: string } | null;

/** The variables that say what is served with TLS, and who may send callbacks. */
export const edgeVariables = {
  TLS_CERT: z.string().optional(),
  TLS_KEY: z.string().optional(),
  CALLBACK_SECRETS: z.string().default(''),
  CALLBACK_SCHEMES: z.string().default(''),
};

type EdgeValues = z.output<z.ZodObject<typeof edgeVariables>>;

export const tlsOf = ({ TLS_CERT, TLS_KEY }: EdgeValues): TlsConfig =>
  TLS_CERT === undefined || TLS_KEY === undefined ? null : { cert: TLS_CERT, key: TLS_KEY };

export const halfOfTls = ({ TLS_CERT, TLS_KEY }: EdgeValues): string[] =>
  (TLS_CERT === undefined) === (TLS_KEY === undefined)
    ? []
    : ['TLS_CERT and TLS_KEY belong together: name both files, or none'];
