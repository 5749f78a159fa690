// Every page in light.
import { everyPage } from "../every-page.mjs";

everyPage("light");
