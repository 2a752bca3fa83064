import { posix } from 'node:path';
import { type Layer, layers, mayReadEnvironment, under } from './layerRules.ts';
import { type FoundImport, scanImports } from './scanImports.ts';

/** Source files by their path relative to the project, with forward slashes. */
export type Sources = ReadonlyMap<string, string>;

/** Every breach of the dependency rule, as a sentence with file and line. */
export const checkLayers = (sources: Sources): readonly string[] =>
  [...sources].flatMap(([path, source]) => {
    const layer = layers.find(({ at }) => under(path, at));
    if (layer === undefined) return [`${path}: no layer holds this file; give it a rule in layerRules.ts`];
    return scanImports(source).flatMap((found) => {
      const breach = breachOf(layer, path, found, sources);
      return breach === undefined ? [] : [`${path}:${found.line}: ${breach}`];
    });
  });

const breachOf = (
  layer: Layer,
  path: string,
  { specifier }: FoundImport,
  sources: Sources,
): string | undefined => {
  if (specifier === null) {
    return layer.computed ? undefined : `${layer.name} must not import what is computed at run time`;
  }
  const refused = `${layer.name} must not import ${specifier}`;
  if (specifier.startsWith('.')) {
    const target = posix.join(posix.dirname(path), specifier);
    if (!under(target, layer.may) || under(target, layer.mayNot ?? [])) return refused;
    const missing = target.startsWith('src/') && !sources.has(target);
    return missing ? `${specifier} names no file (imports carry the .ts extension)` : undefined;
  }
  if (specifier.startsWith('node:')) {
    return layer.node === 'all' || layer.node?.includes(specifier) ? undefined : refused;
  }
  const parts = specifier.split('/');
  const name = parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/');
  return layer.packages?.includes(name) ? undefined : refused;
};

/** Every circle of imports, each once, as `a.ts -> b.ts -> a.ts`. Types count too: they tie files just as well. */
export const findCycles = (sources: Sources): readonly string[] => {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) cycles.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const { specifier } of scanImports(sources.get(path) ?? '')) {
      if (specifier?.startsWith('.')) visit(posix.join(posix.dirname(path), specifier), [...trail, path]);
    }
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return cycles;
};

/** Names that say nothing, and barrels. */
export const emptyNames = (paths: Iterable<string>): readonly string[] =>
  [...paths].filter((path) =>
    /(?:^|\/)(?:utils?|helpers?|common|misc|index)(?:\.[a-z]+)?(?:\/|$)|(?:Utils?|Helpers?|Impl|Manager)\.[a-z]+$/.test(
      path,
    ),
  );

/** Files that ask the container, or a context that stands for it, for something. */
export const filesThatResolve = (sources: Sources): readonly string[] =>
  [...sources]
    .filter(([, source]) => /\b(?:container|context|ctx)\s*\.\s*get(?:All)?(?:Async)?\s*[<(]/i.test(source))
    .map(([path]) => path);

/** Files that read the environment without being the place for it. */
export const strayEnvironment = (sources: Sources): readonly string[] =>
  [...sources]
    .filter(
      ([path, source]) =>
        /\bprocess\s*(?:\?\.|\.|\[)\s*['"]?env\b|\benv\b[^;]*from 'node:process'/.test(source) &&
        !under(path, mayReadEnvironment),
    )
    .map(([path]) => path);
