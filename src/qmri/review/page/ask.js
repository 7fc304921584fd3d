// Requests to the server, and questions to the reader.

export class Refused extends Error {
  constructor(answer, status) {
    super([answer.problem, answer.remedy].filter(Boolean).join(": "));
    this.status = status;
  }
}

const GONE = "the server does not answer: what was said to be saved is saved; qmri review in a terminal starts it again";

async function request(path, options) {
  const response = await fetch(path, options).catch(() => { throw new Error(GONE); });
  if (!response.ok) {
    const text = await response.text();
    let answer;
    try { answer = JSON.parse(text); } catch { answer = { problem: text || response.statusText }; }
    throw new Refused(answer, response.status);
  }
  return response;
}

export const getJson = async (path) => (await request(path)).json();
export const getBytes = async (path) => (await request(path)).arrayBuffer();
export const post = async (path, body) => (await request(path, {
  method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}),
})).json();

// A question in a dialog, for an answer of so many signs at most; null where the reader thinks better of it.
export function ask(question, most, value = "") {
  const dialog = document.getElementById("ask"), answer = document.getElementById("answer");
  document.getElementById("question").textContent = question;
  answer.maxLength = most;
  answer.value = value;
  dialog.returnValue = "";
  document.getElementById("cancel").onclick = () => dialog.close("");
  dialog.showModal();
  answer.select();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "ok" && answer.value.trim() ? answer.value.trim() : null);
  });
}
