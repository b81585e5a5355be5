// SPDX-License-Identifier: GPL-2.0-only
//
// scx_arcade_focus - tells the session helper of scx_arcade which window has the focus
//
// Loaded into KWin by the helper, taken out when it ends; changes nothing. Runs
// on KWin 5.27 (clients) and 6 (windows), Wayland and X11. Window titles are
// not looked at. Nobody listening costs one message per change that the bus drops.
//
// callDBus() drops a whole message for one argument of a type that it does not know
// (null, QUuid), and an undefined one changes the signature: hence String() and !!.

var current = null;

function tell(why, window) {
	// A desktop or a panel is no application's window.
	var mapped = !!window && !window.desktopWindow && !window.dock;

	callDBus("org.scx_arcade.Focus", "/org/scx_arcade/Focus", "org.scx_arcade.Focus1", "Window", why, mapped,
		 mapped && window.pid > 0 ? window.pid : 0, mapped ? String(window.resourceClass) : "",
		 mapped ? String(window.desktopFileName) : "", mapped && !!window.fullScreen);
}

function fullScreenChanged() {
	tell("fullscreen", current);
}

function activated(window) {
	if (current) {
		try {
			current.fullScreenChanged.disconnect(fullScreenChanged);
		} catch (gone) {
			// Closed windows take their connections with them.
		}
	}
	current = window;
	if (current)
		current.fullScreenChanged.connect(fullScreenChanged);
	tell("activated", window);
}

// The first message tells how things are, and that the script runs.
if (typeof workspace.windowList === "function") {
	workspace.windowActivated.connect(activated);
	activated(workspace.activeWindow);
} else {
	workspace.clientActivated.connect(activated);
	activated(workspace.activeClient);
}
