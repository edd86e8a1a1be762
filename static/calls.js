// The call log: what it does beyond forms and links. The log can be read and
// filtered without this file.
(function () {
  "use strict";
})();
