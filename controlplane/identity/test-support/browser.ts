import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { chromium } from 'playwright-core';
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';

/** Chromium with the CAs of the servers in its certificate store; each context is a profile of its own. */
export type TestBrowser = AsyncDisposable & {
  readonly browser: Browser;
  profile(options?: { readonly javaScriptEnabled?: boolean }): Promise<Profile>;
};

export type Profile = {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What the browser complained of: violations of the content security policy, requests to other origins than allowed. */
  readonly complaints: string[];
};

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** @param caPaths certificates of authorities that servers of the test use */
export async function openChromium(caPaths: readonly string[]): Promise<TestBrowser> {
  const home = mkdtempSync(join(tmpdir(), 'mcias-browser-'));
  const database = join(home, '.pki', 'nssdb');
  mkdirSync(database, { recursive: true });
  const certutil = (...args: string[]) => execFileSync('certutil', ['-d', `sql:${database}`, ...args]);
  certutil('-N', '--empty-password');
  caPaths.forEach((path, index) => certutil('-A', '-t', 'C,,', '-n', `ca-${index}`, '-i', path));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: flags,
    env: { PATH: process.env['PATH'] ?? '', HOME: home },
  });
  return {
    browser,
    async profile(options = {}) {
      const context = await browser.newContext(options);
      context.setDefaultTimeout(30_000);
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (/content security policy/i.test(message.text())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(error.message));
      return { context, page, complaints };
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** An authenticator inside the browser: platform, discoverable, verifying its user. */
export async function addAuthenticator(
  { context, page }: Profile,
  automatic = true,
): Promise<{ readonly session: CDPSession; readonly authenticatorId: string }> {
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: automatic,
    },
  });
  return { session, authenticatorId };
}
