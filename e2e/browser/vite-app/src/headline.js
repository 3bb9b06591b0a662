export const headline = 'Version one';
