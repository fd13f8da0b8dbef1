import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { Eta } from 'eta';

/** The pages of a service: `.eta` files of one folder. What they show is escaped unless they say `<%~`. */
export type Templates = {
  /** @param name of the file, without `.eta` */
  render(name: string, data: object): string;
};

/**
 * @param folder of the templates; each may begin with `<% layout('@layout', { title }) %>` for the layout that all services share.
 *   It also takes `nav` (a list of `href` and `label`), and `refresh`, a path to move on to at once
 * @param shared what every page is given, such as the service's name and the address of its stylesheet
 */
export function createTemplates(folder: URL, shared: object): Templates {
  const eta = new Eta({ views: fileURLToPath(folder), autoEscape: true, cache: true });
  eta.loadTemplate('@layout', readFileSync(new URL('./layout.eta', import.meta.url), 'utf8'));
  return { render: (name, data) => eta.render(`./${name}`, { ...shared, ...data }) };
}
