export { createBrowsers } from './browsers.ts';
export type { Browsers, BrowsersDeps, Visitor } from './browsers.ts';
export { localPath, loginPath, withReturn } from './paths.ts';
