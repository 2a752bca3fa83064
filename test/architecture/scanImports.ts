/** One import that a file states: static, `import type`, re-export, or dynamic. */
export interface FoundImport {
  /** What is imported; `null` for a dynamic import whose target is computed. */
  readonly specifier: string | null;
  readonly line: number;
}

const patterns: readonly RegExp[] = [
  // import x from 'y', import type { x } from 'y', export * from 'y', also over several lines
  /(?:^|[;}])[ \t]*(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])(?<specifier>[^'"\n]+)\1/gm,
  // import 'y'
  /(?:^|[;}])[ \t]*import\s*(['"])(?<specifier>[^'"\n]+)\1/gm,
  // import('y'), typeof import('y'); a computed target has no specifier
  /(?<![.\w])import\s*\(\s*(?:(['"`])(?<specifier>[^'"`\n$]+)\1\s*[,)])?/g,
  // require('y')
  /(?<![.\w])require\s*\(\s*(['"`])(?<specifier>[^'"`\n$]+)\1\s*\)/g,
];

/**
 * Finds what a TypeScript file imports, without a parser: rather one import too many (in a string) than one too few.
 * Comments are blanked first, where they begin a line.
 */
export const scanImports = (source: string): readonly FoundImport[] => {
  const text = source.replaceAll(/^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)/gm, (comment) =>
    comment.replaceAll(/[^\n]/g, ' '),
  );
  const found = patterns.flatMap((pattern) =>
    [...text.matchAll(pattern)].map((match): FoundImport => {
      const specifier = match.groups?.specifier ?? null;
      const end = match.index + match[0].length;
      return { specifier, line: text.slice(0, end).split('\n').length };
    }),
  );
  return found.sort((a, b) => a.line - b.line);
};
