/**
 * The addresses that one caller can choose from: an IPv4 address by itself, of IPv6 the network of 64 bits, of which
 * every subscriber has at least one.
 */
export const addressBlock = (address: string): string => {
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [left, right] = address.split('::').map((half) => (half === '' ? [] : half.split(':')));
  const groups = left ?? [];
  const zeros = right === undefined ? 0 : 8 - groups.length - right.length;
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...(right ?? [])];
  return all.slice(0, 4).join(':');
};
