// The page is whole without this. It tells times in the reader's zone, and keeps lists and jobs up to date:
// the server makes the page anew, and the parts that are marked data-live are exchanged where they differ.
"use strict";

const REFRESH_MS = 5000;
const LEAST_MS = 700;
const known = new Map();

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const precise = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

function tellTimes(root) {
  for (const one of root.querySelectorAll("time[datetime*=T]")) {
    const moment = new Date(one.dateTime);
    one.textContent = (one.closest(".log") ? precise : format).format(moment);
    one.title = exact.format(moment);
  }
}

function remember(root) {
  for (const one of root.querySelectorAll("[data-live]")) known.set(one.id, one.outerHTML);
}

function states(root) {
  return new Map([...root.querySelectorAll("[data-job]")].map((one) => [one.dataset.job, one]));
}

function announce(before, after) {
  const told = [];
  for (const [job, now] of after) {
    const then = before.get(job);
    const state = now.querySelector(".state");
    if (then && state && then !== now.dataset.state) told.push(`Job ${job}: ${state.textContent.trim()}.`);
  }
  if (told.length) document.getElementById("said").textContent = told.join(" ");
}

function exchange(fresh) {
  const before = new Map([...states(document)].map(([job, one]) => [job, one.dataset.state]));
  for (const old of document.querySelectorAll("[data-live]")) {
    const made = fresh.getElementById(old.id);
    if (!made || made.outerHTML === known.get(old.id)) continue;
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...old.querySelectorAll("details[open][id]")].map((one) => one.id);
    const scrolled = [...old.querySelectorAll(".log")].map((one) => one.scrollTop);
    known.set(old.id, made.outerHTML);
    tellTimes(made);
    old.replaceWith(document.adoptNode(made));
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    made.querySelectorAll(".log").forEach((one, number) => { one.scrollTop = scrolled[number] ?? 0; });
    if (focused) (document.getElementById(focused) ?? document.getElementById("main")).focus({ preventScroll: true });
  }
  announce(before, states(document));
}

let asking = false;
let again = false;

async function refresh() {
  if (asking) { again = true; return; }
  asking = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected) { location.reload(); return; }
    if (answer.ok) exchange(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The agent does not answer; what is shown stays, and the next time may be better.
  } finally {
    setTimeout(() => { asking = false; if (again) { again = false; refresh(); } }, LEAST_MS);
  }
}

// A browser keeps few connections to one place: only the page that is looked at has one.
function follow(url) {
  let stream = null;
  let over = false;
  const close = () => { stream?.close(); stream = null; };
  const open = () => {
    if (stream || over || document.hidden) return;
    const made = stream = new EventSource(url);
    for (const kind of ["state", "step", "notice", "progress", "end"]) made.addEventListener(kind, refresh);
    made.addEventListener("end", () => { over = true; close(); });
    made.addEventListener("error", () => {
      if (made.readyState === EventSource.CLOSED && !over) { over = true; close(); poll(); }
    });
  };
  open();
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else { open(); refresh(); }
  });
}

function poll() {
  setInterval(() => { if (!document.hidden) refresh(); }, REFRESH_MS);
}

remember(document);
tellTimes(document);
const followed = document.querySelector("[data-follow]");
if (followed) follow(followed.dataset.follow);
else if (document.querySelector("[data-refresh]")) poll();
