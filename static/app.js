// What every page does beyond forms and links. htmx moves the pages; this
// file keeps the session, speaks with the portal's frame, and opens dialogs.
// The pages can be read and saved without it.
(function () {
  "use strict";

  const root = document.documentElement;
  root.classList.add("script");

  // The session: sent with every request, replaced when the answer has a new one.

  function sessionMeta() {
    return document.querySelector('meta[name="session"]');
  }

  function renewSession(token) {
    const meta = sessionMeta();
    if (!token || !meta) {
      return;
    }
    meta.content = token;
    for (const field of document.querySelectorAll('input[name="session"]')) {
      field.value = token;
    }
  }

  document.addEventListener("htmx:config:request", function (event) {
    const meta = sessionMeta();
    if (meta && meta.content) {
      event.detail.ctx.request.headers.Authorization = "Bearer " + meta.content;
    }
  });

  document.addEventListener("htmx:after:request", function (event) {
    const ctx = event.detail.ctx;
    renewSession(ctx.response.headers.get("X-Session"));
    if (ctx.response.status >= 400 && ctx.response.status !== 409 && ctx.response.status !== 422) {
      refuse(ctx);
    } else if ("named" in ctx.sourceElement.dataset) {
      ctx.push = addressOf(ctx.sourceElement);
    }
  });

  // An answer that refuses (session over, not found, broken) is a whole page,
  // whatever part was asked for. It does not take the place of changes that are
  // not saved, unless they were given up. Any other is a proxy's, which did not
  // reach us or did not let through what was sent: nothing takes the place of
  // what is there.
  function refuse(ctx) {
    const ours = ctx.text.includes('id="page"');
    ctx.push = ctx.replace = "false";
    if (ours && !keepsChanges(ctx)) {
      ctx.target = document.getElementById("page");
      ctx.select = "#page";
      ctx.swap = "outerHTML";
      hush();
      return;
    }
    ctx.swap = "none";
    if (!ours) {
      notice("lost");
    } else if (ctx.response.status === 401) {
      say(words("over"), false);
    } else {
      say(titleOf(ctx.text) + ". " + words("kept"), true);
    }
  }

  // Changes are given up by asking for another page, or for this one as it is
  // saved. To save them or to review them is no such thing.
  function keepsChanges(ctx) {
    const leaves = ctx.target.contains(document.getElementById("page")) && !ctx.sourceElement.matches("#settings, #review-open");
    return document.querySelector(".savebar-open") && !leaves;
  }

  function titleOf(page) {
    return new DOMParser().parseFromString(page, "text/html").querySelector("h1").textContent;
  }

  // The address of what a form asked for, without the session and without
  // telephone numbers: addresses are kept and passed on. (views/filter.go names
  // the bars of the charts alike.)
  const numberDigits = 5;

  function addressOf(form) {
    const chosen = new URLSearchParams(new FormData(form));
    chosen.delete("session");
    for (const name of [...chosen.keys()]) {
      const value = chosen.get(name);
      if (value === "" || name === "text" && value.replace(/\D/g, "").length >= numberDigits) {
        chosen.delete(name);
      }
    }
    const path = form.getAttribute("action");
    return chosen.size ? path + "?" + chosen : path;
  }

  document.addEventListener("htmx:error", function (event) {
    if (event.detail.ctx) {
      notice("lost");
    }
  });

  // Notices: one short sentence in the corner, spoken by screen readers. Some
  // pass; what stands there already is not said again. Under a dialog nothing is
  // seen or spoken: it has a place of its own for them, as long as it is open.

  let noticeTimer;

  function words(kind) {
    return document.getElementById("notices").dataset[kind];
  }

  function notice(kind) {
    hush();
    say(words(kind), true);
  }

  function say(text, passes) {
    clearTimeout(noticeTimer);
    for (const place of noticePlaces()) {
      if (place.textContent !== text) {
        place.replaceChildren(lineOf(text));
      }
    }
    if (passes) {
      noticeTimer = setTimeout(hush, 6000);
    }
  }

  function hush() {
    for (const place of noticePlaces()) {
      place.replaceChildren();
    }
  }

  function noticePlaces() {
    return document.querySelectorAll("#notices, dialog > .notices");
  }

  function lineOf(text) {
    const line = document.createElement("p");
    line.className = "notice";
    line.textContent = text;
    return line;
  }

  function noticesIn(dialog) {
    const place = document.createElement("div");
    place.className = "notices";
    place.setAttribute("role", "status");
    dialog.append(place);
    dialog.addEventListener("close", function () { place.remove(); }, { once: true });
  }

  // The portal's frame. BX24 may come late or never: nothing waits for it.

  const waiting = [];
  let portal;

  function inPortal(then) {
    if (portal) {
      then(portal);
    } else {
      waiting.push(then);
    }
  }

  function meetPortal() {
    const BX24 = window.BX24;
    if (!BX24 || portal) {
      return;
    }
    const met = function () {
      portal = BX24;
      waiting.splice(0).forEach(function (then) { then(portal); });
    };
    if (BX24.init) {
      BX24.init(met);
    } else {
      met();
    }
  }

  function fit() {
    if (portal && portal.fitWindow) {
      portal.fitWindow();
    }
  }

  // The part of the frame that the portal shows: the save bar, the notices and
  // the dialog stay inside of it although the frame is as high as its content.
  // The portal does not tell, but the browser says of each slice of the frame
  // whether it is in sight.
  const slices = 60;

  function watchSight() {
    const sight = document.createElement("div");
    sight.className = "sight";
    sight.setAttribute("aria-hidden", "true");
    const inSight = new Map();
    const observer = new IntersectionObserver(function (entries) {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          inSight.set(entry.target, entry.intersectionRect);
        } else {
          inSight.delete(entry.target);
        }
      }
      placeInSight([...inSight.values()]);
    }, { threshold: [0, 0.25, 0.5, 0.75, 1] });
    for (let i = 0; i < slices; i++) {
      observer.observe(sight.appendChild(document.createElement("i")));
    }
    root.append(sight);
  }

  function placeInSight(rects) {
    if (rects.length === 0) {
      return;
    }
    const top = Math.min(...rects.map(function (r) { return r.top; }));
    const bottom = Math.max(...rects.map(function (r) { return r.bottom; }));
    root.style.setProperty("--above", Math.round(Math.max(0, top) + window.scrollY) + "px");
    root.style.setProperty("--below", Math.round(Math.max(0, window.innerHeight - bottom)) + "px");
  }

  // Dialogs: what the server sends open becomes modal; Esc and the close button
  // are the browser's, and so is the way back to the button that opened it.

  function openDialog() {
    const dialog = document.querySelector("dialog[open]:not(:modal)");
    if (!dialog) {
      return;
    }
    dialog.removeAttribute("open"); // close() would be heard by the listener below
    stay();
    noticesIn(dialog);
    dialog.showModal();
    dialog.addEventListener("close", room, { once: true });
    room();
  }

  // room makes the frame as high as what is open in it.
  function room() {
    const bottoms = [...document.querySelectorAll("dialog[open]")].map(function (dialog) {
      return dialog.offsetTop + dialog.offsetHeight + 24;
    });
    document.body.style.minHeight = bottoms.length ? Math.max(...bottoms) + "px" : "";
    fit();
  }

  document.addEventListener("click", function (event) {
    const dialog = event.target;
    if (dialog.matches("dialog:modal") && !within(dialog, event)) {
      dialog.close();
    }
  });

  // A dialog stays where it opens: what is further down comes in sight when the
  // portal is scrolled.
  function stay() {
    root.style.setProperty("--opened", getComputedStyle(root).getPropertyValue("--above"));
  }

  function within(element, event) {
    const box = element.getBoundingClientRect();
    return event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  }

  // Clicks: copy buttons and links to the portal's cards.

  document.addEventListener("click", function (event) {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      copyValue(document.getElementById(copy.dataset.copy));
      return;
    }
    const card = event.target.closest("a[data-path]");
    if (card && portal && portal.openPath && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      portal.openPath(card.dataset.path, function (answer) {
        if (answer && answer.result === "error") {
          window.open(card.href, "_blank", "noopener");
        }
      });
    }
  });

  function copyValue(field) {
    field.select();
    const copied = function () { notice("copied"); };
    if (navigator.clipboard) {
      navigator.clipboard.writeText(field.value).then(copied, function () { copyOldWay(copied); });
    } else {
      copyOldWay(copied);
    }
  }

  // Frames without the clipboard permission still have this.
  function copyOldWay(copied) {
    if (document.execCommand("copy")) {
      copied();
    }
  }

  // The installer's Try again: the portal loads the installer anew, with fresh
  // tokens; without the portal the form is sent.
  document.addEventListener("submit", function (event) {
    if (event.target.matches("[data-b24-reload]") && portal && portal.reloadWindow) {
      event.preventDefault();
      portal.reloadWindow();
    }
  });

  // Another page begins at its top. The portal, which scrolls ours, stays where the
  // page before it was.

  let addressBefore = "";

  function pageAddress() {
    return document.getElementById("page").dataset.address;
  }

  function scrollToTop() {
    window.scrollTo(0, 0);
    if (portal && portal.scrollParentWindow) {
      portal.scrollParentWindow(0);
    }
  }

  document.addEventListener("htmx:before:swap", function () { addressBefore = pageAddress(); });
  document.addEventListener("htmx:after:swap", function () {
    if (pageAddress() !== addressBefore) {
      scrollToTop();
    }
  });

  // A page has come: at first, and after each swap.

  function arrive() {
    openDialog();
    const first = document.querySelector("[data-first]");
    if (document.activeElement === document.body && cameByMore && first) {
      first.focus();
    }
    cameByMore = false;
    focusOnNews();
    if (document.querySelector("[data-install-finish]")) {
      inPortal(finishInstall);
    }
    fit();
  }

  // What an answer wants to be read first, or only if the focus is lost. The
  // autofocus attribute would do, but browsers complain of it in a frame.
  function focusOnNews() {
    const news = document.querySelector("[data-focus]");
    if (!news) {
      return;
    }
    const lost = news.dataset.focus === "if-lost";
    news.removeAttribute("data-focus");
    if (!lost || document.activeElement === document.body) {
      news.focus({ preventScroll: lost });
    }
  }

  let cameByMore = false;
  let finished = false;

  function finishInstall(BX24) {
    if (!finished && BX24.installFinish) {
      finished = true;
      BX24.installFinish();
    }
  }

  document.addEventListener("htmx:before:swap", function (event) {
    const ctx = event.detail.ctx; // a search that goes on by itself leaves the focus alone
    cameByMore = ctx.target && ctx.target.id === "more" && !(ctx.sourceEvent && ctx.sourceEvent.type === "load");
    if (cameByMore) { // the first row is that of those to come, if there are any
      document.querySelectorAll("[data-first]").forEach(function (row) { row.removeAttribute("data-first"); });
    }
  });
  document.addEventListener("htmx:after:swap", arrive);
  document.addEventListener("callwise:dialog", openDialog); // opened by a script

  // The frame's first page came by POST: from now on its address is one that
  // can be asked for again.
  function nameAddress() {
    const address = pageAddress();
    if (address && location.pathname.startsWith("/b24/")) {
      history.replaceState(null, "", address + location.search);
    }
  }

  document.addEventListener("DOMContentLoaded", function () {
    const library = document.querySelector("script[data-b24]");
    if (window.BX24) {
      meetPortal();
    } else if (library) {
      library.addEventListener("load", meetPortal);
    }
    inPortal(function () { fit(); nameAddress(); });
    watchSight();
    arrive();
    new ResizeObserver(fit).observe(document.body);
  });
})();
