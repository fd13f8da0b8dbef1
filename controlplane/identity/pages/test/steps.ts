import { totpCode, totpStep } from '../../factors/totp.ts';
import type { Profile } from '../../test-support/browser.ts';
import { password, type Mcias } from '../../test-support/mcias.ts';

/** What people do on the pages, again and again. */

/** Waits for the page with this heading: a click is done before the page that it leads to is there. */
export async function sees({ page }: Profile, heading: string): Promise<void> {
  await page.waitForSelector(`h1:text-is("${heading}")`);
}

/** Sends the form of this address. */
export function send({ page }: Profile, action: string): Promise<void> {
  return page.click(`form[action="${action}"] button`);
}

export async function fillLogin(profile: Profile, name: string, given = password): Promise<void> {
  await profile.page.fill('#username', name);
  await profile.page.fill('#password', given);
  await send(profile, '/login');
}

export async function logIn({ origin }: Mcias, profile: Profile, name: string): Promise<void> {
  await profile.page.goto(`${origin}/login`);
  await fillLogin(profile, name);
  await profile.page.waitForURL(`${origin}/account`);
}

/** Enrols TOTP as an app does, by the secret on the page. Each code of the returned function is of a later step than the one before. */
export async function enrolTotp({ origin, clock }: Mcias, profile: Profile): Promise<() => string> {
  const { page } = profile;
  await page.goto(`${origin}/account/totp`);
  await send(profile, '/account/totp');
  const secret = fromBase32((await page.textContent('#secret')) ?? '');
  await page.waitForSelector('figure svg path');
  const next = (): string => {
    clock.nowMs += 30_000;
    return totpCode(secret, totpStep(clock.nowMs));
  };
  await page.fill('#code', next());
  await send(profile, '/account/totp/confirm');
  await page.waitForURL(`${origin}/account`);
  return next;
}

function fromBase32(text: string): Buffer {
  const bits = [...text.replaceAll(' ', '')]
    .map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0'))
    .join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}
