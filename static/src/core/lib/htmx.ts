/** htmx with the project's settings. Import this module, never `htmx.org`, so that extensions find the global first. */
import htmx from "htmx.org";

// The indicator rules are in the site's own style sheet.
htmx.config.includeIndicatorCSS = false;

export default htmx;
