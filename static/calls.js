// The call log: what it does beyond forms and links. The log can be read and
// filtered without this file.
(function () {
  "use strict";

  // New calls. The page asks while somebody can see it; a server that does not
  // answer is left alone for a while, one that has too much to do for as long as
  // it says, one that refuses for good, and the page says so.
  const every = 5000;
  const patience = 60000;
  let waitUntil = 0;

  function look() {
    const form = document.getElementById("news");
    if (!form || document.hidden || document.getElementById("stopped").textContent) {
      return;
    }
    drawAgain();
    if (Date.now() < waitUntil) {
      return;
    }
    form.elements.going.value = told("tr[data-going]", function (row) { return row.dataset.going; });
    form.elements.shown.value = told("tr[data-came]", function (row) { return row.id.replace("call-", ""); });
    form.dispatchEvent(new Event("look"));
  }

  function told(rows, say) {
    return [...document.querySelectorAll(".log " + rows)].map(say).join(" ");
  }

  function isNews(event) {
    const ctx = event.detail.ctx;
    return ctx && ctx.sourceElement && ctx.sourceElement.id === "news";
  }

  function isLook(event) {
    const ctx = event.detail.ctx;
    return isNews(event) || ctx && ctx.sourceElement && ctx.sourceElement.id === "anew";
  }

  function pause(headers) {
    const seconds = Number(headers.get("Retry-After"));
    return seconds > 0 ? seconds * 1000 : patience;
  }

  // The log does without its overview as well: one that does not come is
  // hidden, one that is there stays as it was.
  function isOverview(event) {
    const ctx = event.detail.ctx;
    return ctx && ctx.sourceElement && ctx.sourceElement.closest("#overview.overview-waiting, #overview-again");
  }

  function giveUpOverview() {
    const overview = document.getElementById("overview");
    overview.hidden = overview.classList.contains("overview-waiting");
  }

  // What goes wrong with news is nobody's concern: the next look may go well.
  document.addEventListener("htmx:error", function (event) {
    if (isLook(event)) {
      event.stopImmediatePropagation();
      asked = false;
      waitUntil = Date.now() + patience;
    } else if (isOverview(event)) {
      event.stopImmediatePropagation();
      giveUpOverview();
    }
  }, true);

  document.addEventListener("htmx:after:request", function (event) {
    const status = event.detail.ctx.response.status;
    if (status < 400 || !isLook(event) && !isOverview(event)) {
      return;
    }
    event.stopImmediatePropagation();
    event.detail.ctx.swap = "none";
    if (isOverview(event)) {
      giveUpOverview();
    } else if (status < 500 && status !== 429) { // too much now is not the end
      stop();
    } else {
      waitUntil = Date.now() + pause(event.detail.ctx.response.headers);
    }
  }, true);

  function stop() {
    const line = document.getElementById("stopped");
    line.textContent = line.dataset.says;
  }

  // What came: rows that changed take the place of the old ones; new rows are
  // put on top if nothing moves that is being read, else a button offers them.
  function sort() {
    const table = document.querySelector("#arrivals table");
    if (!table) {
      return;
    }
    for (const row of table.querySelectorAll(".changed > tr")) {
      refresh(row);
    }
    if (table.dataset.over) {
      endDay(table.dataset.over);
      return;
    }
    recount(table);
    if (!table.dataset.label) {
      return;
    }
    if (nobodyReads()) {
      showFresh();
    } else {
      offer(table.dataset.label);
    }
  }

  // Rows are worded and chosen by the day they were made on. When it is over the
  // page is shown anew, unless somebody reads it, sets the filter, or has the
  // focus where the new page would lose it.
  function endDay(label) {
    if (nobodyReads() && !setsFilter() && keepsItsFocus()) {
      showAnew();
    } else {
      offer(label);
    }
  }

  function setsFilter() {
    return document.getElementById("fields").open || [...document.getElementById("filter").elements].some(differs);
  }

  // What was chosen or entered stays in a control until the filter is sent.
  function differs(control) {
    const left = [...control.options || []].some(function (o) { return o.defaultSelected && !o.selected; });
    return left || "defaultValue" in control && control.value !== control.defaultValue;
  }

  function keepsItsFocus() {
    const focused = document.activeElement;
    return !focused || !focused.closest("#page") || focused.closest(".tabs, .filters, .presets");
  }

  function showAnew() {
    document.getElementById("anew").dispatchEvent(new Event("anew"));
  }

  // The counts and the charts tell of the calls that came, too. Charts cost the
  // server more, so they are drawn again once in a while.
  const drawEvery = 30000;
  let stale = false;
  let drawn = Date.now();

  function recount(table) {
    const counts = table.querySelectorAll(".counts td");
    document.querySelectorAll(".presets .count").forEach(function (count, i) {
      count.textContent = counts[i].textContent;
    });
    stale = true;
  }

  function drawAgain() {
    const form = document.getElementById("overview-again");
    if (!stale || !form || Date.now() < drawn + drawEvery || form.parentElement.contains(document.activeElement)) {
      return;
    }
    stale = false;
    drawn = Date.now();
    form.dispatchEvent(new Event("again"));
  }

  function refresh(row) {
    const old = document.querySelector('.log tr[id="' + row.id + '"]');
    if (!old) {
      return;
    }
    const at = [...old.querySelectorAll("a, button")].indexOf(document.activeElement);
    if ("came" in old.dataset) {
      row.dataset.came = "";
    }
    old.replaceWith(row);
    if (at >= 0) {
      const controls = row.querySelectorAll("a, button");
      controls[Math.min(at, controls.length - 1)].focus({ preventScroll: true });
    }
  }

  let topInSight = true;
  const sight = new IntersectionObserver(function (entries) {
    topInSight = entries[entries.length - 1].isIntersecting;
  });

  function nobodyReads() {
    const focused = document.activeElement;
    return topInSight && !document.querySelector("dialog[open]") && !(focused && focused.closest(".log, .pill"));
  }

  function offer(label) {
    const button = document.getElementById("arrived");
    if (button.textContent !== label) {
      button.textContent = label;
    }
    button.hidden = false;
  }

  // showFresh puts the rows where their time belongs, a call that was reported
  // late among the older ones, and returns the first of them. An empty log
  // has no table yet, and rows of a day that is over cannot stay: the page is
  // shown anew.
  function showFresh() {
    const rows = [...document.querySelectorAll("#arrivals .fresh > tr")];
    const top = document.querySelector(".log tbody");
    document.getElementById("arrived").hidden = true;
    if (!top || document.querySelector("#arrivals [data-over]")) {
      showAnew();
      return null;
    }
    for (const row of rows) {
      row.dataset.came = "";
      place(row, top);
    }
    document.getElementById("arrivals").replaceChildren();
    return rows[0];
  }

  function timeOf(row) {
    return Date.parse(row.querySelector("time").dateTime);
  }

  function place(row, top) {
    const older = [...document.querySelectorAll(".log tbody:not(#more) > tr")].find(function (other) {
      return timeOf(other) <= timeOf(row);
    });
    if (older) {
      older.before(row);
    } else {
      top.append(row);
    }
  }

  let asked = false; // for the page to be shown anew, by the button

  function focusOn(row) {
    if (row) {
      row.querySelector(".why button").focus();
    }
  }

  // The filter's fields close like a menu.
  function closeFields(focus) {
    const fields = document.getElementById("fields");
    if (fields && fields.open) {
      fields.open = false;
      if (focus) {
        fields.querySelector("summary").focus();
      }
    }
  }

  document.addEventListener("click", function (event) {
    if (event.target.closest("#arrived")) {
      const first = showFresh();
      asked = !first;
      focusOn(first);
    }
    if (!event.target.closest("#fields")) {
      closeFields(false);
    }
  });

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape" && event.target.closest("#fields")) {
      closeFields(true);
    }
    const bar = event.target.closest(".bar");
    if (bar) {
      moveAlong([...bar.parentElement.querySelectorAll(".bar")], bar, event);
    }
  });

  // The bars of a chart are one stop of the Tab key; arrows go along them.
  function moveAlong(bars, bar, event) {
    const at = bars.indexOf(bar);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: bars.length - 1 }[event.key];
    if (to === undefined || !bars[to]) {
      return;
    }
    event.preventDefault();
    bar.tabIndex = -1;
    bars[to].tabIndex = 0;
    bars[to].focus();
  }

  // Days are a period of their own, and any other period has none: what is entered
  // last counts. Without this file the period counts.
  document.addEventListener("input", function (event) {
    const fields = event.target.form && event.target.form.id === "filter" && event.target.form.elements;
    if (!fields) {
      return;
    }
    if (event.target === fields.period && fields.period.value !== "custom") {
      fields.from.value = fields.to.value = "";
    } else if (event.target.type === "date" && event.target.value) {
      fields.period.value = "custom";
    }
  });

  function arrive() {
    for (const bars of document.querySelectorAll(".bars")) {
      [...bars.querySelectorAll(".bar")].reverse().forEach(function (bar, i) { bar.tabIndex = i ? -1 : 0; });
    }
    const head = document.querySelector(".log thead");
    sight.disconnect();
    topInSight = true;
    if (head) {
      sight.observe(head);
    }
  }

  // What narrowed the log (a chip, the filter's Search) may be gone or closed
  // when the answer comes: the focus then stays at the filter.
  let filtering = false;

  document.addEventListener("htmx:before:swap", function () {
    const focused = document.activeElement;
    filtering = Boolean(focused && focused.closest(".filters"));
  });

  function keepFocus() {
    const fields = document.querySelector("#fields summary");
    if (filtering && fields && document.activeElement === document.body) {
      fields.focus({ preventScroll: true });
    }
    filtering = false;
  }

  document.addEventListener("htmx:after:swap", function (event) {
    if (isNews(event)) {
      sort();
    } else {
      arrive();
      keepFocus();
      if (asked) {
        focusOn(document.querySelector(".log tbody > tr"));
      }
      asked = false;
    }
  });
  document.addEventListener("DOMContentLoaded", arrive);
  setInterval(look, every);
})();
