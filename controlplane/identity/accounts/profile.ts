import { refusal } from '../errors.ts';

const maxText = 128;
const maxGroups = 64;
const groupPattern = /^[a-z0-9][a-z0-9._:-]{0,63}$/;
/** Something before and after one @, no spaces: whether mail arrives there, only mail can say. */
const emailPattern = /^[^\s@<>"]{1,64}@[^\s@<>"]{1,189}$/;

/** A text that is shown to people. @throws invalid_argument */
export function checkText(field: string, text: string): string {
  if (!text.isWellFormed()) throw bad(field, `${field} is not valid Unicode`, 'bad_encoding');
  if ([...text].length > maxText) throw bad(field, `${field} has more than ${maxText} characters`);
  if (/\p{Cc}/u.test(text)) throw bad(field, `${field} holds control characters`);
  return text;
}

/** @throws invalid_argument */
export function checkEmail(email: string): string {
  checkText('email', email);
  if (email !== '' && !emailPattern.test(email)) throw bad('email', 'email is no address such as "ann@example.org"');
  return email;
}

/** Without duplicates, in their order. @throws invalid_argument */
export function checkGroups(groups: readonly string[]): readonly string[] {
  if (groups.length > maxGroups) throw bad('groups', `groups has more than ${maxGroups} entries`);
  const wrong = groups.findIndex((group) => !groupPattern.test(group));
  if (wrong >= 0) {
    throw bad('groups', `groups[${wrong}] is malformed: up to 64 of a-z, 0-9 and "._:-", such as "team:lab"`);
  }
  return [...new Set(groups)];
}

function bad(field: string, message: string, reason: 'bad_encoding' | 'bad_value' = 'bad_value'): Error {
  return refusal('invalid_argument', reason, { message, details: { field } });
}
