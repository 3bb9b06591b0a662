import './style.css';
import { headline } from './headline.js';

const $ = (id) => document.getElementById(id);
const count = (id) => ($(id).textContent = Number($(id).textContent) + 1);

$('headline').textContent = headline;
$('button').addEventListener('click', () => count('clicks'));

setInterval(() => count('seconds'), 1_000);

import.meta.hot.accept('./headline.js', (module) => {
  $('headline').textContent = module.headline;
  count('edits');
});
