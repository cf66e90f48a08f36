// Where the page begins.

import { render } from "preact";

import { readSite } from "./site";
import { App } from "./ui/app";
import "./style/base.css";
import "./style/inbox.css";
import "./style/conversation.css";
import "./style/details.css";

const page = document.getElementById("page");
if (page) render(<App site={await readSite()} />, page);
