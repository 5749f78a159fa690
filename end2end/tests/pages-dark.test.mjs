// Every page in dark.
import { everyPage } from "../every-page.mjs";

everyPage("dark");
