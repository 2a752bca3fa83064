/** A body of `POST /v1/orders`. */
export interface OrderBody {
  readonly customerId: string;
  readonly currency: string;
  readonly clientReference: string;
  readonly lines: readonly { readonly sku: string; readonly quantity: number; readonly unitPrice: number }[];
  readonly shippingAddress: Readonly<Record<string, string>> | null;
  readonly metadata: Readonly<Record<string, string>>;
}

interface Place {
  readonly currency: string;
  /** Minor units of the currency for what costs 10.00 EUR. */
  readonly ten: number;
  readonly countryCode: string;
  readonly cities: readonly (readonly [postalCode: string, city: string])[];
  readonly streets: readonly string[];
}

const places: readonly Place[] = [
  {
    currency: 'EUR',
    ten: 1000,
    countryCode: 'BE',
    cities: [
      ['1000', 'Bruxelles'],
      ['9000', 'Gent'],
      ['4000', 'Liège'],
    ],
    streets: ['Rue de la Loi', 'Veldstraat', 'Chaussée de Wavre'],
  },
  {
    currency: 'EUR',
    ten: 1000,
    countryCode: 'DE',
    cities: [
      ['10115', 'Berlin'],
      ['80331', 'München'],
    ],
    streets: ['Lindenstraße', 'Am Kanal', 'Schönhauser Allee'],
  },
  {
    currency: 'GBP',
    ten: 870,
    countryCode: 'GB',
    cities: [
      ['SW1A 1AA', 'London'],
      ['EH1 1YZ', 'Edinburgh'],
    ],
    streets: ['High Street', 'Station Road', 'Mill Lane'],
  },
  {
    currency: 'USD',
    ten: 1150,
    countryCode: 'US',
    cities: [
      ['10001', 'New York'],
      ['97205', 'Portland'],
    ],
    streets: ['Oak Avenue', '5th Street', 'Maple Drive'],
  },
  {
    currency: 'JPY',
    ten: 1700,
    countryCode: 'JP',
    cities: [
      ['100-0001', '東京都千代田区'],
      ['600-8216', '京都市下京区'],
    ],
    streets: ['千代田', '烏丸通'],
  },
  {
    currency: 'SEK',
    ten: 11500,
    countryCode: 'SE',
    cities: [
      ['111 20', 'Stockholm'],
      ['411 03', 'Göteborg'],
    ],
    streets: ['Storgatan', 'Kungsgatan'],
  },
];

/** What costs how many tenths of "ten". */
const goods: readonly (readonly [sku: string, tenths: number])[] = [
  ['tea-100', 13],
  ['tea-250', 29],
  ['pot-blue', 42],
  ['pot-cast-iron', 120],
  ['cup-set-4', 36],
  ['filter-50', 5],
  ['honey-acacia', 9],
  ['gift-card', 50],
  ['sample', 0],
];

const firstNames = ['Amina', 'Björn', 'Chloé', 'Dmitri', 'Elif', 'Fatou', 'Giorgio', 'Hana', 'Ines', 'Jun'];
const lastNames = ['Okafor', 'Lindqvist', 'Dubois', 'Ivanov', 'Yılmaz', 'Diallo', 'Rossi', '佐藤', 'Müller'];

/** An order as a shop might send it: one customer in a few, their money, their address, their basket. */
export const demoOrder = (run: string, number: number, customers: number, scarce = false): OrderBody => {
  const place = pick(places);
  return {
    customerId: `customer-${1 + Math.floor(Math.random() * customers)}`,
    currency: place.currency,
    clientReference: referenceOf(run, number),
    lines: scarce
      ? [...basket(place), { sku: scarceSku(run), quantity: 1, unitPrice: place.ten }]
      : basket(place),
    shippingAddress: Math.random() < 0.9 ? address(place) : null,
    metadata: { channel: pick(['web', 'app', 'shop']), demo: run },
  };
};

/** A good of this run alone, of which there are fewer than are wanted. */
export const scarceSku = (run: string): string => `rare-${run}`;

/** Tells the orders of one run from all others. */
export const referencePrefix = (run: string): string => `${run}-`;
const referenceOf = (run: string, number: number): string => `${referencePrefix(run)}${number}`;

const basket = ({ ten }: Place): OrderBody['lines'] => {
  const size = pick([1, 1, 1, 2, 2, 3, 5]);
  return Array.from({ length: size }, () => {
    const [sku, tenths] = pick(goods);
    return { sku, quantity: pick([1, 1, 1, 2, 2, 4, 12]), unitPrice: Math.round((ten * tenths) / 10) };
  });
};

const address = ({ countryCode, cities, streets }: Place): Readonly<Record<string, string>> => {
  const [postalCode, city] = pick(cities);
  return {
    name: `${pick(firstNames)} ${pick(lastNames)}`,
    line1: `${pick(streets)} ${1 + Math.floor(Math.random() * 120)}`,
    ...(Math.random() < 0.2 ? { line2: `${Math.floor(Math.random() * 9)}. floor` } : {}),
    postalCode,
    city,
    countryCode,
  };
};

const pick = <T>(choices: readonly T[]): T => choices[Math.floor(Math.random() * choices.length)]!;
