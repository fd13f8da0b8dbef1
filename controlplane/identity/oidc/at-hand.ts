import { AsyncLocalStorage } from 'node:async_hooks';

import type { HttpContext } from '../../../mcdsl/http/index.ts';
import type { Visitor } from '../browser/index.ts';

/** What is known of the request that the provider works on: it hands none of it to its adapter. */
export type AtHand = { readonly context: HttpContext; readonly visitor: Visitor | null };

export const atHand = new AsyncLocalStorage<AtHand>();
