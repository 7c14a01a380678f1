import "./site.css";
import "./lib/htmx";
import "./lib/confirm-dialog";
import "./lib/copy-button";
import "./lib/live-region";
import "./lib/theme-toggle";

document.documentElement.dataset["ready"] = "";
