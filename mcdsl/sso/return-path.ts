const maxLength = 1024;

/**
 * Where to go after a login: a path of this origin, with its query. Anything that a browser could take for another origin
 * (`https://…`, `//…`, `/\…`, control characters that it drops) becomes `/`.
 */
export function safeReturnPath(text: string | undefined): string {
  if (text === undefined || text.length > maxLength) return '/';
  // Printable ASCII without the backslash, which browsers read as a slash; other characters come percent-encoded.
  if (!/^\/(?!\/)[\x21-\x5b\x5d-\x7e]*$/.test(text)) return '/';
  const url = URL.parse(text, 'https://origin.invalid');
  // Dot segments are resolved here as the browser does, so that `/.//evil` is seen as what it becomes.
  if (url === null || url.origin !== 'https://origin.invalid' || url.pathname.startsWith('//')) return '/';
  return `${url.pathname}${url.search}`;
}
