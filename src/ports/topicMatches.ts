/** `*` stands for one word, `#` for any number of words. Words may be empty; the empty key has no words at all. */
export const topicMatches = (pattern: string, routingKey: string): boolean => {
  const wanted = wordsOf(pattern);
  const words = wordsOf(routingKey);
  let at = 0;
  let word = 0;
  // Where to resume, and with how many words given to the last `#`, when what follows it does not fit.
  let hashAt = -1;
  let hashWord = 0;
  while (word < words.length) {
    if (wanted[at] === '#') {
      hashAt = at;
      hashWord = word;
      at += 1;
    } else if (at < wanted.length && (wanted[at] === '*' || wanted[at] === words[word])) {
      at += 1;
      word += 1;
    } else if (hashAt >= 0) {
      hashWord += 1;
      at = hashAt + 1;
      word = hashWord;
    } else return false;
  }
  while (wanted[at] === '#') at += 1;
  return at === wanted.length;
};

const wordsOf = (key: string): readonly string[] => (key === '' ? [] : key.split('.'));
