import { defineConfig } from "vite";

export default defineConfig({
  // Relative, so that the page can be put below any path of a web server.
  base: "./",
  build: { target: "es2022" },
});
