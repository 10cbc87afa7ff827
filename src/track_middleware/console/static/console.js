// Live: events as they come. Whatever is shown was escaped by the server; nothing here makes markup
// of data.
(function () {
  "use strict";
  var feed = document.getElementById("feed");
  var pause = document.getElementById("pause");
  var state = document.getElementById("state");
  if (!feed || !window.EventSource) return;

  var MOST = 200;
  var address = new URL(feed.dataset.stream, location.href);
  var rows = new Map();
  var source = null;
  var paused = false;
  var missed = 0;

  feed.querySelectorAll("li.event").forEach(function (row) {
    rows.set(row.dataset.id, { row: row, html: "" });
  });

  function made(html) {
    var holder = document.createElement("template");
    holder.innerHTML = html;
    return holder.content.firstElementChild;
  }

  function put(told) {
    var there = rows.get(told.id);
    if (there && there.html === told.html) return;
    var row = made(told.html);
    if (there && there.row.isConnected) {
      // Who has its focus in a row keeps it.
      if (there.row.contains(document.activeElement)) return;
      there.row.replaceWith(row);
    } else {
      row.classList.add("fresh");
      feed.prepend(row);
    }
    rows.set(told.id, { row: row, html: told.html });
  }

  function cut() {
    while (feed.children.length > MOST) {
      rows.delete(feed.lastElementChild.dataset.id);
      feed.lastElementChild.remove();
    }
  }

  function say(text) { if (state.textContent !== text) state.textContent = text; }

  function heard(message) {
    var told = JSON.parse(message.data);
    address.searchParams.set("after", message.lastEventId);
    told.rows.forEach(put);
    cut();
    if (feed.children.length) document.getElementById("none").hidden = true;
    missed += told.missed;
    if (missed) say("Live; " + missed + " came too fast to be shown");
  }

  function listen() {
    stop();
    source = new EventSource(address);
    source.onmessage = heard;
    source.onopen = function () { if (!missed) say("Live"); };
    source.onerror = function () {
      if (source && source.readyState === EventSource.CLOSED) {
        say("The stream has ended. Load the page again.");
        stop();
      }
    };
  }

  function stop() {
    if (source) source.close();
    source = null;
  }

  pause.hidden = false;
  pause.addEventListener("click", function () {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    if (paused) { stop(); say("Paused"); } else { listen(); }
  });
  // A page that nobody sees asks for nothing.
  document.addEventListener("visibilitychange", function () {
    if (paused) return;
    if (document.hidden) stop(); else listen();
  });
  listen();
})();
