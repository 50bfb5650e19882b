// The page of `make serve`. Whatever it shows goes in as text, never as HTML.
const byId = id => document.getElementById(id);
const setup = await (await fetch("setup")).json();
let chosen = setup.first;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

async function post(path, value) {
  const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(value) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// fill puts the source's sample into the form, for the call that was chosen.
function fill() {
  const name = byId("source").value, sample = setup.samples[name];
  const finds = setup.sources[name].phone === ".phone"; // and needs no call id
  const body = sample?.body ?? JSON.stringify({ ...(finds ? { phone: chosen.phone } : { call_id: setup.sampleCall }), agent_user: "1028", disposition: "SALE" });
  byId("body").value = body.replaceAll(setup.sampleCall, chosen.id).replaceAll(/\b1028\b/g, chosen.agent);
  byId("key").value = setup.keys[name] ?? "";
  const scheme = setup.sources[name].scheme;
  byId("scheme").value = typeof scheme === "string" ? scheme : "a scheme of its own (" + scheme.kind + ")";
  byId("definition").textContent = JSON.stringify(setup.sources[name], null, 2);
}

function showCalls(calls) {
  byId("rows").replaceChildren(...calls.toReversed().map(call => {
    const row = element("tr", "");
    const use = element("button", "Use", { class: "small", type: "button", "aria-label": "Use call " + call.id });
    use.onclick = () => { chosen = call; fill(); showCalls(calls); byId("send").focus(); };
    const cell = element("td", "");
    cell.append(use);
    row.append(cell);
    const columns = { agent: call.agent, id: call.id, lead: call.lead, phone: call.phone, vicidial: call.listed ? "listed" : "not listed", line: call.lineUp ? "up" : "down", booked: call.disposition };
    for (const [name, text] of Object.entries(columns)) row.append(element("td", text, { class: name }));
    if (call.id === chosen.id) row.setAttribute("aria-current", "true");
    return row;
  }));
}

function showSteps(result) {
  const words = { ok: "✓ ", failed: "✗ ", "": "" };
  byId("steps").replaceChildren(...result.steps.map(step => {
    const item = element("li", "");
    const text = element("span", words[step.state] + step.text, step.state ? { class: step.state } : {});
    item.append(element("b", step.name), text, element("time", step.ms ? step.ms.toFixed(1) + " ms" : ""));
    return item;
  }));
  const answer = JSON.parse(result.answer || "{}");
  byId("outcome").replaceChildren(element("strong", result.outcome || "no outcome"), element("span", answer.message ?? ""));
  byId("answer").textContent = JSON.stringify(answer, null, 2);
  byId("log").textContent = JSON.stringify(result.log, null, 2);
}

// busy runs an action with its button off, and shows why it failed.
async function busy(button, where, action) {
  button.disabled = true;
  try {
    await action();
  } catch (problem) {
    where.textContent = problem.message;
  } finally {
    button.disabled = false;
    button.focus();
  }
}

byId("form").onsubmit = event => {
  event.preventDefault();
  busy(byId("send"), byId("outcome"), async () => {
    const source = byId("source").value;
    showSteps(await post("send", {
      source, key: byId("key").value, body: byId("body").value, contentType: setup.samples[source]?.contentType ?? "",
      spoil: byId("spoil").value, fault: byId("fault").value,
    }));
  });
};

byId("explain-form").onsubmit = event => {
  event.preventDefault();
  busy(byId("explain-button"), byId("explanation"), async () => {
    const [kind, name] = byId("explain-source").value.split(":");
    const result = await post("explain", {
      request: byId("captured").value, key: byId("explain-key").value, url: byId("explain-url").value, [kind]: name,
    });
    byId("explanation").textContent = result.text;
  });
};

byId("address").textContent = setup.url + "/webhooks/SOURCE";
for (const name of Object.keys(setup.sources)) {
  byId("source").append(element("option", name, { value: name }));
  byId("explain-source").append(element("option", "of " + name + " in sources.json", { value: "source:" + name }));
}
for (const fault of setup.faults) byId("fault").append(element("option", fault.Name, { value: fault.Name }));
byId("source").onchange = fill;
byId("fault").onchange = () => {
  byId("fault-about").textContent = setup.faults.find(fault => fault.Name === byId("fault").value)?.About ?? "";
};
if (!setup.simulated) { // a real VICIdial can't be told what to do
  byId("fault").disabled = true;
  byId("fault-about").textContent = "A real VICIdial: its calls are not shown here, and its faults are its own.";
}
for (const agent of setup.simulated ? ["1028", "1029"] : []) {
  const button = element("button", "New call for " + agent, { type: "button" });
  button.onclick = () => busy(button, byId("outcome"), async () => {
    chosen = await post("calls", { agent });
    fill();
  });
  byId("agents").append(button);
}
fill();
new EventSource("calls").onmessage = event => showCalls(JSON.parse(event.data));
