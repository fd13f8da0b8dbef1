// Forms with data-passkey ask the browser for a passkey when they are sent: "get" to log in, "create" to make one. Without this
// script they stay hidden.
for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (window.PublicKeyCredential === undefined) continue;
  form.hidden = false;
  const status = form.querySelector('[role=status]');
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    status.textContent = '';
    try {
      const { ticket, public_key: json } = await options(form);
      form.elements.response.value = JSON.stringify(await ask(form.dataset.passkey, json));
      form.elements.ticket.value = ticket;
      form.submit();
    } catch (error) {
      status.textContent = error.name === 'NotAllowedError' ? 'No passkey was used.' : String(error.message);
    }
  });
}

async function options(form) {
  const response = await fetch(form.dataset.options, { method: 'POST', body: new URLSearchParams(new FormData(form)) });
  const body = await response.json();
  if (!response.ok) throw new Error(body.error.message);
  return body;
}

async function ask(what, json) {
  if (what === 'create') {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(json);
    return (await navigator.credentials.create({ publicKey })).toJSON();
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(json);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}
