/*
 * A stand-in for the BX24 JavaScript library. It talks to the page that embeds
 * the frame by postMessage:
 *
 *   frame  -> parent  {bx24: "call",  sid, id, name, params}
 *   parent -> frame   {bx24: "reply", id, result}
 *
 * sid is APP_SID of the frame's address. The parent must answer every name:
 *
 *   init          {auth: {access_token, refresh_token, expires_in, domain, member_id},
 *                  lang, admin, placement, options, installed, firstRun, userId, domain}
 *   refreshAuth   the auth object again
 *   installFinish, fitWindow, resizeWindow, setTitle, reloadWindow,
 *   scrollParentWindow, closeApplication, openApplication   anything
 *   openPath      {result: "close"} or {result: "error", errorCode: …}
 *
 * Outside a frame nothing is ever answered: init never fires.
 */
(function (window) {
	"use strict";
	var framed = window.parent && window.parent !== window;
	var sid = new URLSearchParams(window.location.search).get("APP_SID") || window.name || "";
	var serial = 0, waiting = {}, context = null, onInit = [], onInstall = null, asked = false;

	function ask(name, params, callback) {
		if (!framed) { return; }
		var id = ++serial;
		waiting[id] = callback || function () {};
		window.parent.postMessage({bx24: "call", sid: sid, id: id, name: name, params: params || {}}, "*");
	}

	window.addEventListener("message", function (e) {
		var m = e.data;
		if (e.source !== window.parent || !m || m.bx24 !== "reply" || !waiting[m.id]) { return; }
		var callback = waiting[m.id];
		delete waiting[m.id];
		callback(m.result);
	});

	function start(answer) {
		context = answer || {};
		if (context.firstRun && onInstall) { onInstall(); return; }
		fire();
	}

	function fire() {
		var callbacks = onInit;
		onInit = [];
		callbacks.forEach(function (callback) { callback(); });
	}

	function height() {
		var d = window.document;
		return Math.max(d.body ? d.body.scrollHeight : 0, d.documentElement.offsetHeight);
	}

	function ready(callback) {
		if (window.document.readyState !== "loading") { callback(); return; }
		window.document.addEventListener("DOMContentLoaded", callback);
	}

	window.BX24 = {
		init: function (callback) {
			if (callback) { onInit.push(callback); }
			if (context) { fire(); return; }
			if (asked) { return; }
			asked = true;
			ready(function () { ask("init", {}, start); });
		},
		install: function (callback) {
			onInstall = typeof callback === "string" ? function () { window.location = callback; } : callback;
		},
		installFinish: function () { ask("installFinish"); },
		getAuth: function () { return context && context.auth ? context.auth : false; },
		refreshAuth: function (callback) {
			ask("refreshAuth", {}, function (auth) {
				if (context) { context.auth = auth; }
				if (callback) { callback(auth); }
			});
		},
		getLang: function () { return context ? context.lang : ""; },
		getDomain: function (protocol) {
			var domain = context ? context.domain : "";
			return protocol && domain ? window.location.protocol + "//" + domain : domain;
		},
		isAdmin: function () { return !!(context && context.admin); },
		isReady: function () { return window.document.readyState !== "loading"; },
		ready: ready,
		fitWindow: function (callback) { ask("fitWindow", {height: height()}, callback); },
		resizeWindow: function (width, newHeight, callback) {
			ask("resizeWindow", {width: width, height: newHeight}, callback);
		},
		getScrollSize: function () {
			var d = window.document.documentElement;
			return {scrollWidth: d.scrollWidth, scrollHeight: d.scrollHeight};
		},
		reloadWindow: function (callback) { ask("reloadWindow", {}, callback); },
		setTitle: function (title, callback) { ask("setTitle", {title: String(title)}, callback); },
		scrollParentWindow: function (y, callback) { ask("scrollParentWindow", {y: y}, callback); },
		openPath: function (path, callback) { ask("openPath", {path: path}, callback); },
		openApplication: function (params, callback) { ask("openApplication", params, callback); },
		closeApplication: function (callback) { ask("closeApplication", {}, callback); },
		placement: {
			info: function () {
				return {placement: context ? context.placement : "", options: context ? context.options : {}};
			}
		}
	};
})(window);
