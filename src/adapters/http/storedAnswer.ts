/** An answer as it is kept for repetitions, and sent again byte for byte. */
export interface StoredAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly location: string | null;
  readonly etag: string | null;
  readonly body: string;
}

/** The head as one line of JSON, then the body as it is: no second escaping of what may be large. */
export const encodeAnswer = ({ status, contentType, location, etag, body }: StoredAnswer): string =>
  `${JSON.stringify([status, contentType, location, etag])}\n${body}`;

export const decodeAnswer = (text: string): StoredAnswer => {
  const end = text.indexOf('\n');
  const [status, contentType, location, etag] = JSON.parse(text.slice(0, end)) as [
    number,
    string,
    string | null,
    string | null,
  ];
  return { status, contentType, location, etag, body: text.slice(end + 1) };
};
