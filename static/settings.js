// The settings page: the save bar is there only while something differs from
// what is saved, and counts what differs. Saving works without this file.
(function () {
  "use strict";

  // The values of a form by name. A switch is one checkbox with the value "on";
  // several checkboxes of a name are a list, one item a line.

  function valuesOf(form, current) {
    const values = new Map();
    const add = function (name, value) {
      const before = values.get(name);
      values.set(name, before ? before + "\n" + value : value);
    };
    for (const control of form.elements) {
      const chosen = current ? control.checked : control.defaultChecked;
      if (!control.name || control.type === "submit" || control.closest("[data-add-row]")) {
        continue;
      }
      if (control.type === "checkbox") {
        if (control.value === "on") {
          values.set(control.name, chosen ? "on" : "off");
        } else {
          add(control.name, chosen ? control.value : "");
        }
      } else if (control.type === "radio") {
        if (chosen) {
          values.set(control.name, control.value);
        }
      } else if (control.type === "select-one") {
        const value = current ? control.value : defaultOf(control);
        if ("list" in control.dataset) {
          add(control.name, value);
        } else {
          values.set(control.name, value);
        }
      } else if (control.type !== "hidden" || "carried" in control.dataset) {
        values.set(control.name, current ? control.value : control.defaultValue);
      }
    }
    return values;
  }

  function defaultOf(select) {
    const chosen = [...select.options].find(function (o) { return o.defaultSelected; }) || select.options[0];
    return chosen ? chosen.value : "";
  }

  function items(value) {
    return (value || "").split("\n").filter(Boolean).join("\n");
  }

  // How many values differ from what is saved. Where the form came with
  // something else than that, it says what is saved.
  function differing(form) {
    const stored = JSON.parse(form.dataset.stored || "{}");
    const now = valuesOf(form, true);
    const before = valuesOf(form, false);
    let count = 0;
    for (const [name, value] of now) {
      const saved = name in stored ? stored[name] : before.get(name);
      if (items(value) !== items(saved)) {
        count++;
      }
    }
    for (const row of document.querySelectorAll("[data-add-row] select:first-child")) {
      count += row.value ? 1 : 0;
    }
    return count;
  }

  // The bar has the words for 1 to 20; any other number is said like the one of
  // them that has the same plural form.
  function inWords(words, n) {
    if (n < 1) {
      return "";
    }
    if (n <= words.length) {
      return words[n - 1];
    }
    const rules = new Intl.PluralRules(document.documentElement.lang);
    for (let like = words.length; like > 0; like--) {
      if (rules.select(like) === rules.select(n)) {
        return words[like - 1].replace(String(like), String(n));
      }
    }
    return String(n);
  }

  function markDirty(form) {
    const bar = document.getElementById(form.dataset.savebar);
    const count = differing(form);
    const dirty = count > 0 || "dirty" in form.dataset;
    const said = inWords(bar.dataset.changes.split("|"), count);
    const place = bar.querySelector("[data-count]");
    bar.classList.toggle("savebar-open", dirty);
    if (place.textContent !== said) {
      place.textContent = said;
    }
    if (dirty) {
      dismiss();
    }
  }

  function dismiss() {
    const toast = document.querySelector("[data-toast]");
    if (toast) {
      toast.remove();
    }
  }

  let edited; // the control that was changed last

  function onEdit(event) {
    const form = event.target.form;
    if (form && form.dataset.savebar) {
      edited = event.isTrusted ? event.target.id : edited;
      addRow(event.target);
      inherit(event.target);
      markDirty(form);
    }
  }

  // What a line inherits follows the switch of the portal.
  function inherit(control) {
    for (const select of document.querySelectorAll('select[data-inherits="' + CSS.escape(control.name) + '"]')) {
      const words = select.closest(".lines").dataset;
      select.options[0].textContent = control.checked ? words.inheritedOn : words.inheritedOff;
    }
  }

  // An empty row at the end of a list: once used, there is another one.
  function addRow(control) {
    const row = control.closest("[data-add-row]");
    if (!row || row.nextElementSibling || !row.querySelector("select").value) {
      return;
    }
    const next = row.cloneNode(true);
    for (const element of next.querySelectorAll("[id]")) {
      element.removeAttribute("id");
    }
    for (const select of next.querySelectorAll("select")) {
      select.selectedIndex = 0;
    }
    row.after(next);
  }

  document.addEventListener("input", onEdit);
  document.addEventListener("change", onEdit);

  // Leaving with changes that are not saved is asked about: on the way to another
  // page of ours in a dialog, and by the browser where it leaves the frame.

  function unsaved() {
    return document.querySelector(".savebar-open");
  }

  let agreed = false; // to leave
  let leave; // does so

  function mayLeave() {
    const may = agreed || !unsaved();
    agreed = false;
    return may;
  }

  function ask(how) {
    leave = how;
    document.getElementById("leaving").setAttribute("open", "");
    document.dispatchEvent(new Event("callwise:dialog"));
  }

  document.addEventListener("submit", function (event) {
    const form = event.target;
    const leaves = form.getAttribute("hx-target") === "#page" && form.id !== "settings" && form.id !== "reopen";
    if (!leaves || mayLeave()) {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(function () { submitAgain(form, event.submitter); });
  }, true);

  // A part of the page may have come anew meanwhile, and the form with it.
  function submitAgain(form, button) {
    if (form.isConnected) {
      form.requestSubmit(button);
      return;
    }
    const like = [...document.querySelectorAll('form[hx-target="#page"]')].find(function (other) {
      return other.getAttribute("action") === form.getAttribute("action");
    });
    if (like) {
      like.requestSubmit();
    }
  }

  // The way back has been gone already: the address of what is still there is put
  // on top of it.
  document.addEventListener("htmx:before:history:restore", function (event) {
    if (!mayLeave()) {
      event.preventDefault();
      history.pushState({ htmx: true }, "", document.getElementById("page").dataset.address);
      ask(function () { history.back(); });
    }
  });

  document.addEventListener("close", function (event) {
    if (event.target.id !== "leaving") {
      return;
    }
    agreed = event.target.returnValue === "leave";
    event.target.returnValue = "";
    if (agreed) {
      leave();
    }
  }, true);

  let downloads = false; // a form that answers with a file leaves nothing

  document.addEventListener("submit", function (event) {
    downloads = !event.defaultPrevented;
    setTimeout(function () { downloads = false; }, 1000);
  });

  window.addEventListener("beforeunload", function (event) {
    if (unsaved() && !downloads && navigator.userActivation && navigator.userActivation.hasBeenActive) {
      event.preventDefault();
    }
  });

  // A session ends when nothing is asked for. While somebody has changes that
  // are not saved, what will happen is asked for now and then, also while nobody
  // sees the page, so that Save does not find the session over.
  const askWithin = 20 * 60000;
  let asked = Date.now();

  function staySignedIn() {
    if (Date.now() < asked + askWithin || !unsaved()) {
      return;
    }
    asked = Date.now();
    document.getElementById("create_entities").dispatchEvent(new Event("change", { bubbles: true }));
  }

  document.addEventListener("htmx:after:request", function () { asked = Date.now(); });
  setInterval(staySignedIn, 5000);

  // With the Enter key the rest of the key press would reach the field, which
  // would send the form: the field waits until the key is up.
  function focusOn(field, byKey) {
    if (!byKey) {
      field.focus();
      return;
    }
    const focus = function () {
      document.removeEventListener("keyup", focus);
      clearTimeout(later);
      field.focus();
    };
    const later = setTimeout(focus, 500); // no key at all: a screen reader's click
    document.addEventListener("keyup", focus);
  }

  // The menu: the portal scrolls its page, because the frame is as high as ours.
  document.addEventListener("click", function (event) {
    const link = event.target.closest(".menu a, .problems a, .setup-steps a");
    const place = link && document.getElementById(link.hash.slice(1));
    if (place && window.BX24 && window.BX24.scrollParentWindow) {
      window.BX24.scrollParentWindow(Math.max(0, Math.round(place.getBoundingClientRect().top + window.scrollY - 16)));
    }
    if (place && place.matches("input, select, textarea")) {
      event.preventDefault();
      focusOn(place, event.detail === 0);
    }
    if (event.target.closest("[data-dismiss]")) {
      dismiss();
    }
  });

  // A file of settings is read into the text beside it.
  document.addEventListener("change", function (event) {
    const field = event.target;
    if (!field.dataset.readInto || !field.files[0]) {
      return;
    }
    const tooLarge = field.files[0].size > Number(field.dataset.most);
    document.getElementById("import-too-large").hidden = !tooLarge;
    if (!tooLarge) {
      field.files[0].text().then(function (text) {
        document.getElementById(field.dataset.readInto).value = text;
      });
    }
  });

  // After Cancel the focus is at the control that was changed last, as it was saved.

  let cancelled = false;

  document.addEventListener("htmx:before:swap", function (event) {
    cancelled = event.detail.ctx.sourceElement.id === "reopen";
  });

  document.addEventListener("htmx:after:swap", function () {
    if (cancelled) {
      focusAgain(document.getElementById(edited) || document.getElementById("content"));
    }
    cancelled = false;
  });

  function focusAgain(place) {
    const folded = place.closest("details");
    if (folded) {
      folded.open = true;
    }
    place.focus();
  }

  function markAll() {
    document.querySelectorAll("form[data-savebar]").forEach(markDirty);
  }

  // "Show more" of the history: the focus goes to the first version that came.

  let lastVersion;

  document.addEventListener("htmx:before:swap", function (event) {
    const target = event.detail.ctx.target;
    lastVersion = target && target.id === "more-versions" ? target.previousElementSibling : null;
  });

  document.addEventListener("htmx:after:swap", function () {
    if (lastVersion && lastVersion.nextElementSibling) {
      lastVersion.nextElementSibling.focus();
    }
    lastVersion = null;
  });

  document.addEventListener("htmx:after:swap", markAll);
  document.addEventListener("DOMContentLoaded", markAll);
})();
