/** What a figure must reach to be met. */
export type Must = { readonly atLeast: number } | { readonly atMost: number };

/** One comparison; `measured` holds what the value was made from, by name, for the record. */
export interface Round {
  readonly value: number;
  readonly measured: Readonly<Record<string, number>>;
}

export interface Result {
  readonly title: string;
  /** Of the value: empty for a ratio. */
  readonly unit: string;
  readonly must: Must;
  readonly rounds: readonly Round[];
}

/** What a figure is given to work with. */
export interface Setting {
  /** Smaller and shorter: shows that it works, and roughly where it stands. */
  readonly quick: boolean;
  /** Of comparisons; the median counts. */
  readonly rounds: number;
  /** Null when there is none. */
  readonly rabbitmqUrl: string | null;
  /** Shows progress. */
  readonly say: (line: string) => void;
}

/** Something that can be measured by its name; may yield several results that share their baseline. */
export interface Figure {
  readonly name: string;
  readonly needsRabbitmq: boolean;
  /** What else it needs and is not here, as a sentence; empty when nothing is missing. */
  readonly missing?: string;
  readonly measure: (setting: Setting) => Promise<readonly Result[]>;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
};

export const medianOf = ({ rounds }: Result): number => median(rounds.map(({ value }) => value));

export const isMet = (result: Result): boolean => {
  const value = medianOf(result);
  return 'atLeast' in result.must ? value >= result.must.atLeast : value <= result.must.atMost;
};
