// Runs before the first paint, so that nobody who chose the dark theme sees a white flash.
const theme = localStorage.getItem("mallsense.theme");
if (theme === '"dark"' || theme === '"light"') document.documentElement.dataset["theme"] = JSON.parse(theme) as string;
