// How a list is sorted: what can be chosen in each kind of place, and what was chosen last.

import { recallChoice } from '../prefs.js';

const SORTS = { files: ['name', 'size', 'time'], search: ['name', 'newest'], recent: [], trash: ['deleted'], 'trash-folder': [] };
const CHOICES = { files: 'sort', search: 'sort-found', trash: 'sort-trash' };

export class Sorting {
  constructor(view) {
    this.sorts = SORTS[view];
    this.choice = CHOICES[view]; // the name under which it is remembered
    const [sort, order] = (this.choice && recallChoice(this.choice)?.split(' ')) || [];
    this.sort = this.sorts.includes(sort) ? sort : this.sorts[0];
    this.order = ['asc', 'desc'].includes(order) && sort === this.sort ? order : natural(this.sort);
  }

  get rises() {
    return this.order === 'asc';
  }

  // turned is what to remember when somebody chooses a sort: the one that there is the other way round.
  turned(sort) {
    return sort === this.sort ? this.as(this.rises ? 'desc' : 'asc') : `${sort} ${natural(sort)}`;
  }

  as(order) {
    return `${this.sort} ${order}`;
  }
}

// natural is the direction in which one wants to see a sort first: names rise, the largest and the latest come first.
function natural(sort) {
  return sort === 'name' ? 'asc' : 'desc';
}
