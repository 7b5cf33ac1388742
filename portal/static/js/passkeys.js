// Passkeys: asks the server for a challenge, the browser for an answer, and sends that in the form that was pressed.
// Without this script, or without a browser that knows passkeys, the buttons are not shown: the password works.

const known = window.PublicKeyCredential !== undefined;

function bytesOf(text) {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
}

function textOf(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const withBytes = (list = []) => list.map((each) => ({ ...each, id: bytesOf(each.id) }));

function asked(options) {
  const publicKey = { ...options, challenge: bytesOf(options.challenge) };
  if (options.user) {
    publicKey.user = { ...options.user, id: bytesOf(options.user.id) };
    publicKey.excludeCredentials = withBytes(options.excludeCredentials);
    return navigator.credentials.create({ publicKey });
  }
  publicKey.allowCredentials = withBytes(options.allowCredentials);
  return navigator.credentials.get({ publicKey });
}

function answered(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = textOf(credential.response[name]);
  }
  return { id: credential.id, rawId: textOf(credential.rawId), type: credential.type, response };
}

async function challenge(form) {
  const body = new FormData();
  body.set("csrf_token", form.elements.csrf_token?.value ?? "");
  const answer = await fetch(form.dataset.passkey, { method: "POST", body, redirect: "error" });
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json();
}

async function use(form) {
  const trouble = form.querySelector("[data-passkey-trouble]");
  trouble.hidden = true;
  try {
    form.querySelector("[data-passkey-answer]").value = JSON.stringify(answered(await asked(await challenge(form))));
  } catch {
    trouble.hidden = false;
    return;
  }
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.closest("[data-passkey-place]").hidden = !known;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    use(form);
  });
}
