// Standard input: a JSON list of flowcharts. Standard output: for each, what Mermaid has read, as a JSON object.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const { window } = new JSDOM("<body></body>");
Object.assign(globalThis, { window, document: window.document });
const { default: mermaid } = await import("mermaid");

const entities = (text) => text.replaceAll(/ﬂ°°(\d+)¶ß/g, (_, code) => String.fromCodePoint(code));
const read = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) {
  await mermaid.parse(text);
  const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
  read.push({
    nodes: [...db.getVertices().values()].map((node) => ({ id: node.id, text: entities(node.text), classes: node.classes })),
    edges: db.getEdges().map((edge) => ({ from: edge.start, to: edge.end, text: entities(edge.text), stroke: edge.stroke })),
  });
}
console.log(JSON.stringify(read));
