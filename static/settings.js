// The settings page: the save bar is there only while something differs from
// what is saved. Saving works without this file.
(function () {
  "use strict";

  function changed(control) {
    if (control.type === "checkbox" || control.type === "radio") {
      return control.checked !== control.defaultChecked;
    }
    return control.type !== "hidden" && "defaultValue" in control && control.value !== control.defaultValue;
  }

  function markDirty(form) {
    const bar = document.getElementById(form.dataset.savebar);
    const dirty = "dirty" in form.dataset || Array.from(form.elements).some(changed);
    bar.classList.toggle("savebar-open", dirty);
  }

  function onEdit(event) {
    const form = event.target.form;
    if (form && form.dataset.savebar) {
      markDirty(form);
    }
  }

  document.addEventListener("input", onEdit);
  document.addEventListener("change", onEdit);

  function markAll() {
    document.querySelectorAll("form[data-savebar]").forEach(markDirty);
  }

  document.addEventListener("htmx:after:swap", markAll);
  document.addEventListener("DOMContentLoaded", markAll);
})();
