// The portal's page: views, the frame that Callwise stands in, forms without a
// reload, and everything that changes, asked for every second.
(function () {
  "use strict";

  const body = document.body;
  const frame = document.getElementById("frame");
  const slider = document.getElementById("slider");
  const appOrigin = new URL(body.dataset.app).origin;

  // Views: the address says which, so that reload and back keep it.

  function showView() {
    const wanted = location.hash.slice(1);
    const known = document.querySelector('.menu-item[data-view="' + CSS.escape(wanted) + '"]');
    body.dataset.view = known ? wanted : "callwise";
    for (const item of document.querySelectorAll(".menu-item")) {
      if (item.dataset.view === body.dataset.view) {
        item.setAttribute("aria-current", "page");
      } else {
        item.removeAttribute("aria-current");
      }
    }
    scrollPage(0);
  }

  // A narrow window scrolls what is above the menu, a wide one all of it.
  function scrollPage(top) {
    window.scrollTo({ top: top });
    document.querySelector("main").scrollTo({ top: top });
  }

  // The telephone can be folded away, to give the program all the width.

  document.getElementById("fold").addEventListener("click", function (event) {
    const folded = body.toggleAttribute("data-folded");
    event.target.textContent = folded ? "Show telephone" : "Hide telephone";
  });

  // What changes: the parts come as HTML; only what differs is touched, so that
  // the focus and what is being typed stay.

  let tag = "";
  let openCard = "";

  function liveAddress() {
    return "/demo/live" + (openCard ? "?open=" + encodeURIComponent(openCard) : "");
  }

  async function refresh() {
    const answer = await fetch(liveAddress(), { headers: tag ? { "If-None-Match": tag } : {}, cache: "no-store" });
    if (answer.status === 200) {
      tag = answer.headers.get("ETag") || "";
      show(await answer.text());
    }
  }

  function show(html) {
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    for (const part of [...fresh.content.children]) {
      const old = document.getElementById(part.id);
      if (old) {
        morph(old, part);
      }
    }
    markOpen();
  }

  function morph(old, fresh) {
    if (old.isEqualNode(fresh)) {
      return;
    }
    if (old.nodeName !== fresh.nodeName || old.nodeType !== Node.ELEMENT_NODE) {
      old.replaceWith(fresh);
      return;
    }
    morphAttributes(old, fresh);
    morphChildren(old, fresh);
  }

  function morphAttributes(old, fresh) {
    for (const a of [...old.attributes]) {
      if (!fresh.hasAttribute(a.name) && a.name !== "aria-pressed") {
        old.removeAttribute(a.name);
      }
    }
    for (const a of fresh.attributes) {
      if (old.getAttribute(a.name) !== a.value) {
        old.setAttribute(a.name, a.value);
      }
    }
    if (old.type === "checkbox" || old.type === "radio") {
      old.checked = fresh.hasAttribute("checked");
    }
  }

  function morphChildren(old, fresh) {
    const kept = new Set([...fresh.children].map(function (c) { return c.id; }).filter(Boolean));
    for (const child of [...old.children]) {
      if (child.id && !kept.has(child.id)) {
        child.remove();
      }
    }
    let at = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const same = child.id ? [...old.children].find(function (c) { return c.id === child.id; }) : at && !at.id ? at : null;
      if (!same) {
        old.insertBefore(child, at);
        continue;
      }
      if (same === at) {
        at = at.nextSibling;
      } else {
        old.insertBefore(same, at);
      }
      morph(same, child);
    }
    while (at) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
  }

  async function poll() {
    try {
      if (!document.hidden) {
        await refresh();
      }
    } catch {
      tag = ""; // the demo was stopped; it may come back
    }
    setTimeout(poll, 1000);
  }

  // Forms: sent without leaving the page.

  let toastTimer;

  function toast(text) {
    document.getElementById("toast").textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(function () { document.getElementById("toast").textContent = ""; }, 6000);
  }

  async function send(address, fields) {
    if (openCard) {
      fields.append("open", openCard);
    }
    try {
      const answer = await fetch(address, { method: "POST", body: fields, headers: { "X-Demo": "live" } });
      const text = await answer.text();
      if (!answer.ok) {
        toast(text);
        return false;
      }
      tag = "";
      show(text);
      return true;
    } catch {
      toast("The demo does not answer. Is it still running?");
      return false;
    }
  }

  document.addEventListener("submit", async function (event) {
    const form = event.target;
    if (!("demo" in form.dataset)) {
      return;
    }
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form));
    if ("clicker" in form.dataset) {
      fields.set("user", document.getElementById("clicker").value);
    }
    const button = event.submitter;
    const address = button && button.hasAttribute("formaction") ? button.formAction : form.action;
    const done = await send(address, fields);
    if (done && "clear" in form.dataset) {
      form.reset();
    }
    if (done && address.endsWith("/demo/remove")) {
      closeFrame();
    }
  });

  document.addEventListener("change", function (event) {
    const form = event.target.form;
    if (form && "instant" in form.dataset) {
      form.requestSubmit();
    }
  });

  // The frame. A page of Callwise is opened as Bitrix24 opens it: by a form
  // that is posted into the frame.

  let opened = ""; // administrator, call log, employee, installer or link
  let sid = "";
  let init = null;

  const query = new URLSearchParams(location.search); // what a link into the portal names

  async function open(as) {
    const asked = new URLSearchParams({ as: as, call: query.get("call") || "" });
    const answer = await fetch("/demo/frame", { method: "POST", body: asked });
    if (!answer.ok) {
      toast(await answer.text());
      return;
    }
    const opening = await answer.json();
    opened = as;
    sid = opening.sid;
    init = opening.init;
    document.getElementById("frame-box").hidden = false;
    post(opening);
    markOpen();
  }

  function post(opening) {
    const form = document.createElement("form");
    form.method = "post";
    form.action = opening.url;
    form.target = frame.name;
    form.hidden = true;
    for (const [name, value] of Object.entries(opening.fields)) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      form.append(field);
    }
    body.append(form);
    form.submit();
    form.remove();
  }

  function closeFrame() {
    opened = "";
    document.getElementById("frame-box").hidden = true;
    frame.src = "about:blank";
  }

  function markOpen() {
    for (const button of document.querySelectorAll(".segments [data-open]")) {
      button.setAttribute("aria-pressed", String(button.dataset.open === opened));
    }
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-open]");
    if (button) {
      open(button.dataset.open);
    }
  });

  // What the BX24 library in the frame asks for; see b24sim/bx24.js.

  const answers = {
    init: function () { return init; },
    refreshAuth: async function () {
      const answer = await fetch("/demo/auth", { method: "POST", body: new URLSearchParams({ user: init.userId }) });
      return answer.json();
    },
    installFinish: async function () {
      if (await send("/demo/installed", new URLSearchParams())) {
        await open("admin");
      }
    },
    fitWindow: function (params) { return resize(params.height); },
    resizeWindow: function (params) { return resize(params.height); },
    reloadWindow: function () { open(opened); },
    scrollParentWindow: function (params) { scrollPage(params.y); },
    setTitle: function (params) { frame.title = "Callwise: " + params.title; },
    openPath: openPath,
    openApplication: function () { open("admin"); },
    closeApplication: function () {}
  };

  function resize(height) {
    const wanted = Math.max(360, Math.min(Number(height) || 0, 20000));
    frame.style.height = wanted + "px";
    return { width: frame.clientWidth, height: wanted };
  }

  window.addEventListener("message", async function (event) {
    const asked = event.data;
    const ours = event.source === frame.contentWindow && event.origin === appOrigin;
    if (!ours || !asked || asked.bx24 !== "call" || !answers[asked.name]) {
      return;
    }
    const result = await answers[asked.name](asked.params || {});
    event.source.postMessage({ bx24: "reply", id: asked.id, result: result }, appOrigin);
  });

  // The slider: the card of a lead, deal, contact or company.

  function openPath(params) {
    const found = /\/crm\/(lead|deal|contact|company)\/details\/(\d+)\//.exec(params.path);
    if (!found) {
      return { result: "error", errorCode: "PATH_NOT_AVAILABLE" };
    }
    return showCard(found[1] + "-" + found[2]);
  }

  async function showCard(card) {
    openCard = card;
    tag = "";
    await refresh();
    if (!slider.open) {
      slider.showModal();
    }
    await new Promise(function (closed) { slider.addEventListener("close", closed, { once: true }); });
    openCard = "";
    return { result: "close" };
  }

  slider.addEventListener("click", function (event) {
    if (event.target === slider && event.clientX < slider.getBoundingClientRect().left) {
      slider.close();
    }
  });

  // Begin.

  window.addEventListener("hashchange", showView);
  showView();
  if ("installed" in document.getElementById("frame-bar").dataset) {
    open(query.has("call") ? "link" : "admin");
    if (query.has("call")) {
      history.replaceState(null, "", "/" + location.hash);
    }
  }
  const card = query.get("card");
  if (card) {
    history.replaceState(null, "", "/" + location.hash);
    showCard(card);
  }
  setTimeout(poll, 1000);
})();
