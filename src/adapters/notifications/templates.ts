import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A notification as text, ready to be sent. */
export interface Rendered {
  /** One line. */
  readonly subject: string;
  readonly text: string;
  /** Null where the template has no HTML. */
  readonly html: string | null;
}

export interface Templates {
  /** Throws for a template that was not loaded. */
  render(template: string, values: Readonly<Record<string, string>>): Rendered;
}

/** What is wrong with the folder of templates: a sentence that names the file. */
export class TemplateError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TemplateError';
  }
}

interface Source {
  readonly subject: string;
  readonly text: string;
  readonly html: string | null;
}

const subjectLine = /^Subject: *(.*)\r?\n\r?\n?/;
const placeholder = /\{\{\s*(\w+)\s*\}\}/g;

/**
 * Reads `<template>.txt`, whose first line is `Subject: …`, and `<template>.html` where there is one. All are read
 * and checked at once, so that a mistake is found at the start, not with the first customer. `placeholders` names the
 * templates, and what each may use. Throws `TemplateError`.
 */
export const loadTemplates = (
  folder: string,
  placeholders: Readonly<Record<string, readonly string[]>>,
): Templates => {
  const files = new Set(filesIn(folder));
  const sources = new Map(
    Object.entries(placeholders).map(([template, known]) => [template, load(folder, files, template, known)]),
  );
  return {
    render: (template, values) => {
      const source = sources.get(template);
      if (source === undefined) throw new TemplateError(`there is no template ${template}`);
      return {
        subject: fill(source.subject, values, plain),
        text: fill(source.text, values, plain),
        html: source.html === null ? null : fill(source.html, values, escapeHtml),
      };
    },
  };
};

const filesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw new TemplateError(`the folder of templates ${folder} cannot be read`, { cause: error });
  }
};

const load = (
  folder: string,
  files: ReadonlySet<string>,
  template: string,
  known: readonly string[],
): Source => {
  const read = (name: string): string => {
    const content = readFileSync(join(folder, name), 'utf8');
    for (const [, used = ''] of content.matchAll(placeholder)) {
      if (!known.includes(used)) {
        const list = known.map((one) => `{{${one}}}`).join(', ');
        throw new TemplateError(`${join(folder, name)} uses {{${used}}}, but has only ${list}`);
      }
    }
    return content;
  };
  if (!files.has(`${template}.txt`)) throw new TemplateError(`${join(folder, template)}.txt is missing`);
  const content = read(`${template}.txt`);
  const subject = subjectLine.exec(content);
  if (subject === null)
    throw new TemplateError(`${join(folder, template)}.txt does not begin with a line "Subject: …"`);
  return {
    subject: subject[1] ?? '',
    text: content.slice(subject[0].length),
    html: files.has(`${template}.html`) ? read(`${template}.html`) : null,
  };
};

const fill = (
  source: string,
  values: Readonly<Record<string, string>>,
  safe: (value: string) => string,
): string => source.replace(placeholder, (_, name: string) => safe(values[name] ?? ''));

/** Values are short texts: a line break, or whatever else controls a terminal or a header, has no place in them. */
const plain = (value: string): string => value.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escapeHtml = (value: string): string =>
  plain(value).replace(/[&<>"']/g, (character) => htmlEscapes[character] ?? '');
