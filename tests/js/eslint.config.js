// Run from the repository's root, which is the folder that it may look into.
import js from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  js.configs.recommended,
  {
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: globals.browser,
      parser: tseslint.parser,
      parserOptions: { project: `${import.meta.dirname}/tsconfig.json` },
    },
    plugins: { "@typescript-eslint": tseslint.plugin },
    rules: {
      eqeqeq: "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_", caughtErrors: "all" }],
      "no-var": "error",
      "prefer-const": ["error", { destructuring: "all" }],
      // a promise is awaited, returned or has its catch: what fails is said
      "@typescript-eslint/no-floating-promises": ["error", { ignoreVoid: false }],
      "@typescript-eslint/no-misused-promises": "error",
    },
  },
  {
    files: ["tests/js/**"],
    languageOptions: { globals: globals.node },
    rules: {
      // the runner itself waits for its tests, and says what failed
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          ignoreVoid: false,
          allowForKnownSafeCalls: [{ from: "package", name: "test", package: "node:test" }],
        },
      ],
    },
  },
);
