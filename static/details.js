// The dialog about a call: its address, its parts, and the way back.
(function () {
  "use strict";

  function dialog() {
    return document.querySelector("#details[data-address]");
  }

  // The page's address names the call while its dialog is open, so that the way
  // back from another page leads to it again. The portal's own address of the
  // frame is left to static/app.js, which waits for the portal.
  let behind; // the address of the page that the dialog stands over

  function name(address) {
    document.getElementById("page").dataset.address = address;
    if (!location.pathname.startsWith("/b24/")) {
      history.replaceState(history.state, "", address + location.search);
    }
  }

  // What was pressed to open the dialog: a mend replaces the dialog, and the
  // browser then does not know any more where the focus came from.
  let opener;

  document.addEventListener("focusin", function (event) {
    if (!event.target.closest("dialog")) {
      opener = event.target;
    }
  });

  document.addEventListener("close", function (event) {
    if (event.target !== dialog()) {
      return;
    }
    name(behind);
    if (document.activeElement === document.body && opener && opener.isConnected) {
      opener.focus();
    }
    if (event.target.querySelector("[data-mended]")) {
      refresh();
    }
  }, true);

  // After a mend the log below shows the call as it was: it is asked for anew.
  let row;

  function refresh() {
    const filter = document.getElementById("filter");
    const from = opener && opener.closest("tr");
    if (filter) {
      row = from && from.id;
      filter.requestSubmit();
    }
  }

  function arrive() {
    const open = dialog();
    if (open && open.open) {
      const page = document.getElementById("page").dataset.address;
      behind = page.startsWith("/calls/") ? behind : page; // a mend has the dialog come again
      name(open.dataset.address);
    } else if (row && document.activeElement === document.body) {
      const place = document.querySelector("#" + CSS.escape(row) + " button") || document.getElementById("content");
      row = "";
      place.focus();
    }
  }

  document.addEventListener("htmx:after:swap", arrive);
  document.addEventListener("DOMContentLoaded", arrive);

  // The parts are places of the dialog, not of the frame's history.
  document.addEventListener("click", function (event) {
    const link = event.target.closest(".parts a");
    const part = link && document.getElementById(link.hash.slice(1));
    if (part) {
      event.preventDefault();
      part.scrollIntoView();
      part.focus();
    }
  });
})();
